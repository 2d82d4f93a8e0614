# Unit tests t_*.c (cmocka), whole-system tests s_*.sh, fuzzers fz_*.c.  Each
# area lists its own.
AM_TESTS_ENVIRONMENT = \
	abs_top_srcdir='$(abs_top_srcdir)'; export abs_top_srcdir; \
	abs_top_builddir='$(abs_top_builddir)'; export abs_top_builddir;

include tests/local.at.mk
include tests/local.bundle.mk
include tests/local.capture.mk
include tests/local.carry.mk
include tests/local.conf.mk
include tests/local.config.mk
include tests/local.crypto.mk
include tests/local.dialer.mk
include tests/local.emodel.mk
include tests/local.exchange.mk
include tests/local.held.mk
include tests/local.keys.mk
include tests/local.link.mk
include tests/local.load.mk
include tests/local.mtest.mk
include tests/local.queueing.mk
include tests/local.repair.mk
include tests/local.review.mk
include tests/local.schedule.mk
include tests/local.schema.mk
include tests/local.prop.mk
include tests/local.model.mk
include tests/local.sim.mk
include tests/local.spool.mk
include tests/local.status.mk
include tests/local.who.mk
include tests/local.zmodem.mk

# Long campaigns; hours may be spent by LONG=SECONDS for each of them.
LONG = 60
check-long: check
	$(AM_TESTS_ENVIRONMENT) set -e; \
	echo "== random histories, $(LONG) s each"; \
	for words in mix unique,strict,fk,lossy kill,copy,lossy \
	    restore,multi,lossy alter,drop,lossy,kill keys,lossy,kill \
	    keys,restore,lossy; do \
		echo "-- $$words"; \
		./tests/random_sites -t $(LONG) -o $$words; \
	done; \
	echo "== the model, 3,000 histories, and the program against it"; \
	N=1000 sh $(srcdir)/tests/s_model.sh; \
	echo "== the exchange's end game, by spin"; \
	if command -v spin >/dev/null; then \
		MODEL=long sh $(srcdir)/tests/s_exchange_model.sh; \
	else echo "SKIPPED: no spin here (Debian: spin)"; fi; \
	echo "== 10,000 damaged bundles"; \
	N=10000 sh $(srcdir)/tests/s_mutate.sh; \
	echo "== 200 calls over modems, each cut somewhere"; \
	N=200 sh $(srcdir)/tests/s_modem_cut.sh; \
	echo "== memory of a call"; \
	N=100000 MB=2048 LIMIT=3000 sh $(srcdir)/tests/s_call_memory.sh; \
	echo "== ZMODEM over bad lines, 20 seeds"; \
	for seed in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do \
		SEED=$$seed ./tests/t_zmodem >t_zmodem.long 2>&1 || \
			{ cat t_zmodem.long; exit 1; }; \
	done; \
	echo "== 100,000 random exchanges"; \
	./tests/random_exchange -n 100000; \
	./tests/random_exchange -n 10000 -o half,noise,cut,kill,dead,delay; \
	./tests/random_exchange -n 2000 -o speed; \
	./tests/random_exchange -n 20 -o every; \
	echo "== fuzzers, $(LONG) s each"; \
	sh $(srcdir)/scripts/fuzz $(LONG)
.PHONY: check-long
CLEANFILES += t_zmodem.long

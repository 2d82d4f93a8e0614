# Merging, order, keys; and the pipeline as a whole.
DIALSYNC_WORK_SOURCES = \
	src/apply/inbox.c src/apply/decide.c src/apply/receive.c \
	src/apply/place.c src/apply/clash.c src/apply/held.c \
	src/apply/resolve.c \
	src/apply/load.c src/apply/twins.c src/apply/refuse.c \
	src/apply/unique.c src/apply/keyring.c src/apply/trust.c \
	src/pack/pack.c src/pack/rows.c src/pack/head.c src/pack/load.c \
	src/pack/sign.c
DIALSYNC_WORK_LIBS = src/apply/libmerge.a src/config/libconfig.a \
	src/capture/libcapture.a src/store/libstore.a \
	src/bundle/libbundle.a src/keys/libkeys.a src/spool/libspool.a \
	src/base/libbase.a $(SODIUM_LIBS) \
	$(SQLITE_LIBS) $(XML_LIBS) $(ZLIB_LIBS) $(INIH_LIBS)

check_PROGRAMS += tests/mutate
tests_mutate_SOURCES = tests/mutate.c
tests_mutate_LDADD = $(ZLIB_LIBS)

TESTS += tests/s_values.sh tests/s_apply.sh tests/s_mutate.sh tests/s_kill.sh \
	tests/s_restore.sh
EXTRA_DIST += tests/s_values.sh tests/s_apply.sh tests/s_mutate.sh \
	tests/s_kill.sh tests/s_restore.sh tests/lib.sh

if HAVE_CMOCKA
check_PROGRAMS += tests/t_merge tests/t_order tests/t_key tests/t_know
TESTS += tests/t_merge tests/t_order tests/t_key tests/t_know
tests_t_merge_SOURCES = tests/t_merge.c
tests_t_merge_LDADD = src/apply/libmerge.a $(CMOCKA_LIBS)
tests_t_order_SOURCES = tests/t_order.c
tests_t_order_LDADD = src/apply/libmerge.a $(CMOCKA_LIBS)
tests_t_know_SOURCES = tests/t_know.c
tests_t_know_LDADD = src/store/libstore.a $(CMOCKA_LIBS)
tests_t_key_SOURCES = tests/t_key.c
tests_t_key_LDADD = src/store/libstore.a src/base/libbase.a \
	$(SQLITE_LIBS) $(ZLIB_LIBS) $(CMOCKA_LIBS)
endif

# Unit tests t_*.c (cmocka), whole-system tests s_*.sh, fuzzers fz_*.c.  Each
# area lists its own.
AM_TESTS_ENVIRONMENT = \
	abs_top_srcdir='$(abs_top_srcdir)'; export abs_top_srcdir; \
	abs_top_builddir='$(abs_top_builddir)'; export abs_top_builddir;

include tests/local.bundle.mk
include tests/local.capture.mk
include tests/local.config.mk
include tests/local.dialer.mk
include tests/local.mtest.mk
include tests/local.sim.mk
include tests/local.spool.mk
include tests/local.status.mk
include tests/local.zmodem.mk

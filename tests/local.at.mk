# Modems: the AT dialogue.
if HAVE_CMOCKA
check_PROGRAMS += tests/t_at
TESTS += tests/t_at
tests_t_at_SOURCES = tests/t_at.c
tests_t_at_LDADD = modem/libat.a src/base/libbase.a $(CMOCKA_LIBS)
endif
EXTRA_DIST += tests/data/at

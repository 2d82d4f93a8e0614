# Who is there, when no hello came.
if HAVE_CMOCKA
check_PROGRAMS += tests/t_who
TESTS += tests/t_who
tests_t_who_SOURCES = tests/t_who.c
tests_t_who_LDADD = modem/libwho.a src/base/libbase.a $(CMOCKA_LIBS)
endif

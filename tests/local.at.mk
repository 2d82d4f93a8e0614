# Modems: the AT dialogue, login scripts.
if HAVE_CMOCKA
check_PROGRAMS += tests/t_at tests/t_chat
TESTS += tests/t_at tests/t_chat
tests_t_at_SOURCES = tests/t_at.c
tests_t_at_LDADD = modem/libat.a src/base/libbase.a $(CMOCKA_LIBS)
tests_t_chat_SOURCES = tests/t_chat.c
tests_t_chat_LDADD = modem/libat.a src/base/libbase.a $(CMOCKA_LIBS)
endif
EXTRA_DIST += tests/data/at

# Modems: the AT dialogue, login scripts.
if HAVE_CMOCKA
check_PROGRAMS += tests/t_at tests/t_chat tests/t_phone tests/t_talk
TESTS += tests/t_at tests/t_chat tests/t_phone tests/t_talk
tests_t_at_SOURCES = tests/t_at.c
tests_t_at_LDADD = modem/libat.a src/base/libbase.a $(CMOCKA_LIBS)
tests_t_chat_SOURCES = tests/t_chat.c
tests_t_chat_LDADD = modem/libat.a src/base/libbase.a $(CMOCKA_LIBS)
tests_t_phone_SOURCES = tests/t_phone.c \
	tests/line/phone.c tests/line/phone.h \
	tests/line/hayes.c tests/line/hayes.h \
	tests/line/line.c tests/line/line.h
tests_t_phone_LDADD = modem/libat.a src/base/libbase.a $(CMOCKA_LIBS) -lm
tests_t_talk_SOURCES = tests/t_talk.c modem/talk.c modem/talk.h
tests_t_talk_LDADD = modem/libat.a modem/libport.a src/base/libbase.a \
	$(SERIALPORT_LIBS) $(CMOCKA_LIBS)
endif
EXTRA_DIST += tests/data/at tests/fz_at.c tests/fz_chat.c

# The modem simulator.  Built by "make" too, as line-sim is; never installed.
noinst_PROGRAMS += tests/line/modem-sim
tests_line_modem_sim_SOURCES = tests/line/modem_sim.c \
	tests/line/modem_args.c tests/line/modem_args.h \
	tests/line/phone.c tests/line/phone.h \
	tests/line/hayes.c tests/line/hayes.h \
	tests/line/line.c tests/line/line.h \
	tests/line/sim_end.c tests/line/sim_end.h
MODEM_TESTS = tests/s_modem_sim.sh tests/s_modem.sh \
	tests/s_modem_login.sh tests/s_modem_cut.sh \
	tests/s_modem_answer.sh
TESTS += $(MODEM_TESTS)
EXTRA_DIST += $(MODEM_TESTS) tests/modem_lib.sh

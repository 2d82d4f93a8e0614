# Tests of the ports and of whole calls.
if HAVE_CMOCKA
check_PROGRAMS += tests/t_port
TESTS += tests/t_port
tests_t_port_SOURCES = tests/t_port.c
tests_t_port_LDADD = modem/libport.a src/base/libbase.a \
	$(SERIALPORT_LIBS) $(CMOCKA_LIBS)
endif

CALL_TESTS = tests/s_call.sh tests/s_call_cut.sh tests/s_call_refused.sh \
	tests/s_call_plain.sh tests/s_call_stop.sh tests/s_call_keys.sh \
	tests/s_call_who.sh tests/s_call_fresh.sh tests/s_call_zmodem.sh \
	tests/s_call_memory.sh \
	tests/s_dialer_links.sh
TESTS += $(CALL_TESTS)
EXTRA_DIST += $(CALL_TESTS) tests/call_lib.sh

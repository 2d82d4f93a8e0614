if HAVE_CMOCKA
check_PROGRAMS += tests/t_config tests/t_config_edit
TESTS += tests/t_config tests/t_config_edit
tests_t_config_SOURCES = tests/t_config.c
tests_t_config_LDADD = src/config/libconfig.a src/base/libbase.a \
	$(INIH_LIBS) $(CMOCKA_LIBS)
tests_t_config_edit_SOURCES = tests/t_config_edit.c
tests_t_config_edit_LDADD = src/config/libconfig.a src/base/libbase.a \
	$(INIH_LIBS) $(CMOCKA_LIBS)
endif

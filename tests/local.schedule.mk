# When peers are called, and how long a call lasts; hooks; what runs at night.
if HAVE_CMOCKA
check_PROGRAMS += tests/t_due tests/t_hook tests/t_schedule tests/t_schedule_week
TESTS += tests/t_due tests/t_hook tests/t_schedule tests/t_schedule_week
tests_t_due_SOURCES = tests/t_due.c tests/t_spool_site.h
tests_t_due_LDADD = modem/libdue.a src/schedule/libschedule.a \
	src/spool/libspool.a src/config/libconfig.a src/base/libbase.a \
	$(INIH_LIBS) $(ZLIB_LIBS) $(CMOCKA_LIBS)
tests_t_hook_SOURCES = tests/t_hook.c
tests_t_hook_LDADD = src/hook/libhook.a src/base/libbase.a $(CMOCKA_LIBS)
tests_t_schedule_SOURCES = tests/t_schedule.c
tests_t_schedule_LDADD = src/schedule/libschedule.a src/spool/libspool.a \
	src/config/libconfig.a src/base/libbase.a $(INIH_LIBS) $(ZLIB_LIBS) \
	$(CMOCKA_LIBS)
tests_t_schedule_week_SOURCES = tests/t_schedule_week.c
tests_t_schedule_week_LDADD = src/schedule/libschedule.a \
	src/spool/libspool.a src/config/libconfig.a src/base/libbase.a \
	$(INIH_LIBS) $(ZLIB_LIBS) $(CMOCKA_LIBS)
endif

TESTS += tests/s_due.sh tests/s_nightly.sh tests/s_units.sh
EXTRA_DIST += tests/s_due.sh tests/s_nightly.sh tests/s_units.sh

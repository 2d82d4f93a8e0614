# When peers are to be called, and how long a call will last: from the
# configuration and the log of calls.  The dialer and the status use it.
noinst_LIBRARIES += src/schedule/libschedule.a
src_schedule_libschedule_a_SOURCES = \
	src/schedule/schedule.h src/schedule/schedule.c \
	src/schedule/schedule_facts.h src/schedule/schedule_facts.c \
	src/schedule/estimate.h src/schedule/estimate.c

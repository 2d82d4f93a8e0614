# What stands before a call: the schedule, as the dialer asks it.
noinst_LIBRARIES += modem/libdue.a
modem_libdue_a_SOURCES = modem/due.h modem/due.c

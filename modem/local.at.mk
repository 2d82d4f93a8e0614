# The dialogue with the modem: sans-IO.
noinst_LIBRARIES += modem/libat.a
modem_libat_a_SOURCES = \
	modem/at.c modem/at.h modem/at_watch.c \
	modem/at_result.c modem/at_result.h modem/at_maker.c
EXTRA_DIST += doc/MODEMS.md

# The dialogue with the modem, login scripts: sans-IO.
noinst_LIBRARIES += modem/libat.a
modem_libat_a_SOURCES = \
	modem/at.c modem/at.h modem/at_watch.c \
	modem/at_result.c modem/at_result.h modem/at_maker.c \
	modem/chat.c modem/chat.h modem/chat_p.h modem/chat_parse.c
EXTRA_DIST += doc/MODEMS.md

# The exchange: sans-IO.
noinst_LIBRARIES += modem/libexchange.a
modem_libexchange_a_SOURCES = \
	modem/message.c modem/message.h \
	modem/exchange.c modem/exchange.h modem/exchange_p.h \
	modem/exchange_hello.c modem/exchange_send.c \
	modem/exchange_recv.c modem/exchange_end.c

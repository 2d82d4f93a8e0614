# Who is there, when no hello came: sans-IO, needs base only.
noinst_LIBRARIES += modem/libwho.a
modem_libwho_a_SOURCES = modem/who_is_there.c modem/who_is_there.h

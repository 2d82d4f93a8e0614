# Keys that two peers share.
noinst_LIBRARIES += src/keys/libkeys.a
src_keys_libkeys_a_SOURCES = \
	src/keys/keys.h src/keys/keys.c \
	src/keys/key_text.c src/keys/key_file.c

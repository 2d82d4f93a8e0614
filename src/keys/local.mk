# Keys that two peers share.
EXTRA_DIST += src/keys/keys.h

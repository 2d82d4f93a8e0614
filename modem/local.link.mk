# Frames and the link: sans-IO.
EXTRA_DIST += modem/stuff.h modem/wire.h modem/link.h

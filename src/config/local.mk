# dialsync.conf: read into structs, edited in place, written by init.
noinst_LIBRARIES += src/config/libconfig.a
src_config_libconfig_a_SOURCES = \
	src/config/config.c \
	src/config/config.h \
	src/config/config_data.h \
	src/config/config_edit.c \
	src/config/config_edit.h \
	src/config/config_hours.c \
	src/config/config_keys.c \
	src/config/config_p.h \
	src/config/config_raw.c \
	src/config/config_read.c \
	src/config/config_template.c \
	src/config/config_value.c
dist_man_MANS += doc/dialsync.conf.5

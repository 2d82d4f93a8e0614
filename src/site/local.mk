noinst_LIBRARIES += src/site/libsite.a
src_site_libsite_a_SOURCES = src/site/site.c src/site/site.h

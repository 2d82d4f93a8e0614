# Hooks: commands that the dialer and the applier start.
noinst_LIBRARIES += src/hook/libhook.a
src_hook_libhook_a_SOURCES = src/hook/hook.h src/hook/hook.c

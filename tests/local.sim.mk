# The line simulator.  Built by "make" too, since scripts/quickstart runs it
# from the build tree; never installed.
noinst_PROGRAMS += tests/line/line-sim
tests_line_line_sim_SOURCES = tests/line/line_sim.c \
	tests/line/line.c tests/line/line.h \
	tests/line/sim_args.c tests/line/sim_args.h \
	tests/line/sim_end.c tests/line/sim_end.h

check_PROGRAMS += tests/line/line-pump
tests_line_line_pump_SOURCES = tests/line/line_pump.c \
	tests/line/line.c tests/line/line.h

TESTS += tests/s_line_sim.sh
EXTRA_DIST += tests/s_line_sim.sh tests/line/README

if HAVE_CMOCKA
check_PROGRAMS += tests/t_line_sim
TESTS += tests/t_line_sim
tests_t_line_sim_SOURCES = tests/t_line_sim.c \
	tests/line/line.c tests/line/line.h
tests_t_line_sim_LDADD = -lm $(CMOCKA_LIBS)
endif

# Benchmarks: not built by "make"; "make bench" builds them, and bench/README
# says how to run them.
EXTRA_PROGRAMS += bench/measure_capture bench/measure_throughput \
	bench/measure_fanout bench/measure_merge

bench_measure_capture_SOURCES = bench/measure_capture.c \
	bench/measure.c bench/measure.h
bench_measure_capture_LDADD = src/capture/libcapture.a \
	src/store/libstore.a src/base/libbase.a $(SQLITE_LIBS) $(ZLIB_LIBS) -lm

bench_measure_throughput_SOURCES = bench/measure_throughput.c \
	bench/measure.c bench/measure.h $(DIALSYNC_WORK_SOURCES)
bench_measure_throughput_LDADD = src/apply/libmerge.a src/site/libsite.a \
	src/capture/libcapture.a src/store/libstore.a \
	src/bundle/libbundle.a src/keys/libkeys.a src/spool/libspool.a \
	src/config/libconfig.a src/base/libbase.a $(SODIUM_LIBS) \
	$(SQLITE_LIBS) $(XML_LIBS) $(ZLIB_LIBS) $(INIH_LIBS) -lm

bench_measure_fanout_SOURCES = $(DIALSYNC_WORLD_SOURCES) \
	tests/random_fanout.c tests/random_fanout.h bench/measure_fanout.c
bench_measure_fanout_LDADD = $(DIALSYNC_WORK_LIBS)

bench_measure_merge_SOURCES = $(DIALSYNC_WORLD_SOURCES) \
	bench/measure_merge.c bench/measure.c bench/measure.h
bench_measure_merge_LDADD = $(DIALSYNC_WORK_LIBS)

# Not ours to warn about: the reference that sizes are compared with.
bench/changeset$(EXEEXT): bench/workloads/changeset.c
	$(AM_V_CC)$(MKDIR_P) bench && \
	$(CC) $(CPPFLAGS) $(CFLAGS) $(SQLITE_CFLAGS) -w -o $@ \
	    $(srcdir)/bench/workloads/changeset.c $(SQLITE_LIBS)

bench: all $(EXTRA_PROGRAMS) tests/writers$(EXEEXT) bench/changeset$(EXEEXT)
.PHONY: bench

CLEANFILES += $(EXTRA_PROGRAMS) bench/changeset$(EXEEXT)
EXTRA_DIST += bench/README bench/lib.sh bench/size bench/capture \
	bench/throughput bench/lockout bench/fanout bench/merge \
	bench/line bench/line_ends.py \
	bench/history.py bench/workloads/gen.py \
	bench/workloads/changeset.c

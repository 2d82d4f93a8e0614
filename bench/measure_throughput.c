/* measure_throughput: times for bench/throughput.
 *
 * usage: measure_throughput run COMMAND [ARG...]
 *            run it; print its wall seconds and its peak memory in KB
 *        measure_throughput pack SITE-DIRECTORY PEER
 *            pack for the peer inside this process; print the seconds of the
 *            call, without opening the site, and the rows packed */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/measure.h"
#include "pack/pack.h"
#include "site/site.h"

static int run(char **argv)
{
	struct rusage use;
	double t = now();
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execvp(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &use) < 0) {
		perror(argv[0]);
		return 2;
	}
	t = now() - t;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		fprintf(stderr, "%s: status %d\n", argv[0], status);
		return 2;
	}
	printf("%.6f %ld\n", t, use.ru_maxrss);
	return 0;
}

static int pack(const char *dir, const char *peer)
{
	struct pack_result result = {0, 0, 0};
	struct pack_conf conf;
	struct err e = ERR_INIT;
	struct site s;
	double t;

	need(site_open(&s, dir, &e), dir, &e);
	need(site_open_store(&s, DB_WRITE, &e), dir, &e);
	memset(&conf, 0, sizeof(conf));
	conf.store = s.store;
	conf.spool = &s.spool;
	conf.bundle_size = s.cfg->site.bundle_size;
	conf.flush = true;
	t = now();
	need(pack_peer(&conf, peer, &result, &e), peer, &e);
	t = now() - t;
	printf("%.6f %lld\n", t, (long long)result.rows);
	site_close(&s);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc >= 3 && strcmp(argv[1], "run") == 0)
		return run(argv + 2);
	if (argc == 4 && strcmp(argv[1], "pack") == 0)
		return pack(argv[2], argv[3]);
	fprintf(stderr, "usage: measure_throughput run COMMAND... |"
			" pack DIRECTORY PEER\n");
	return 64;
}

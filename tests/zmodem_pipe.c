/* The ZMODEM core on standard input and output with plain files, to talk to
 * the real rz and sz.  Not installed; no durable steps.
 *
 *   zmodem_pipe [options] send|receive|caller|answerer DIR [FILE...]
 *
 * Files come into DIR; the FILEs go out.  -b N: block, -w N: window, -o:
 * CRC-16, -e: escape controls, -r: resume, -c: resume after comparing, -k N:
 * stop dead after N bytes received (a cut line), -d N: a disk that takes N
 * seconds to store a file, -n NAME and -p NAME: site
 * names, -v: statistics.  Exit 0: safe to hang up; 1: not; 2: usage. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "modem/crc.h"
#include "modem/zmodem.h"

struct pipe_run {
	struct zm *z;
	const char *dir;
	char **files;
	int next, n_files;
	FILE *out, *in;        /* being sent, being received */
	char path[1024];
	bool resume, compare, over;
	uint64_t cut_after, got;
	uint64_t store_ms, stored_at; /* 0: nothing to store */
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void want_file(struct pipe_run *r)
{
	struct stat st;
	const char *path, *base;

	if (r->next == r->n_files) {
		zm_no_more(r->z);
		return;
	}
	path = r->files[r->next];
	base = strrchr(path, '/');
	if (r->out != NULL)
		fclose(r->out);
	r->out = fopen(path, "rb");
	if (r->out == NULL || fstat(fileno(r->out), &st) != 0 ||
	    zm_offer(r->z, base == NULL ? path : base + 1,
	    (uint64_t)st.st_size, st.st_mtime, (uint32_t)r->next) != 0)
		zm_abort(r->z, ERR_SYSTEM, "cannot offer a file");
	r->next++;
}

static void want_data(struct pipe_run *r, const struct zm_event *ev)
{
	uint8_t buf[ZM_BLOCK_MAX];

	fseek(r->out, (long)ev->off, SEEK_SET);
	zm_data(r->z, ev->off, buf, fread(buf, 1, ev->n, r->out));
}

/* CRC-32 of the part that is here already. */
static uint32_t part_crc(const char *path)
{
	uint8_t buf[4096];
	uint32_t crc = 0;
	size_t n;
	FILE *f = fopen(path, "rb");

	while (f != NULL && (n = fread(buf, 1, sizeof buf, f)) > 0)
		crc = crc32_add(crc, buf, n);
	if (f != NULL)
		fclose(f);
	return crc;
}

static void offered(struct pipe_run *r, const struct zm_event *ev)
{
	struct stat st;

	if (strchr(ev->name, '/') != NULL || ev->name[0] == '.') {
		zm_skip(r->z);
		return;
	}
	snprintf(r->path, sizeof r->path, "%s/%s", r->dir, ev->name);
	if (r->resume && stat(r->path, &st) == 0 &&
	    (uint64_t)st.st_size <= ev->size) {
		r->in = fopen(r->path, "r+b");
		if (r->compare)
			zm_accept_same(r->z, (uint64_t)st.st_size,
			    part_crc(r->path));
		else
			zm_accept(r->z, (uint64_t)st.st_size);
	} else {
		r->in = fopen(r->path, "w+b");
		zm_accept(r->z, 0);
	}
	if (r->in == NULL)
		zm_abort(r->z, ERR_SYSTEM, "cannot create a file");
}

static void got_data(struct pipe_run *r, const struct zm_event *ev)
{
	if (ev->off == 0 && ftruncate(fileno(r->in), 0) != 0)
		zm_abort(r->z, ERR_SYSTEM, "cannot truncate");
	fseek(r->in, (long)ev->off, SEEK_SET);
	if (fwrite(ev->p, 1, ev->n, r->in) != ev->n)
		zm_abort(r->z, ERR_SYSTEM, "cannot write");
}

static void close_in(struct pipe_run *r)
{
	if (r->in != NULL)
		fclose(r->in);
	r->in = NULL;
}

static void handle(struct pipe_run *r, const struct zm_event *ev)
{
	switch (ev->type) {
	case ZM_EV_PEER:
		fprintf(stderr, "peer: %s\n",
		    ev->name == NULL ? "(plain)" : ev->name);
		break;
	case ZM_EV_WANT_FILE:
		want_file(r);
		break;
	case ZM_EV_WANT_DATA:
		want_data(r, ev);
		break;
	case ZM_EV_FILE_SENT:
		if (!ev->acknowledged)
			fprintf(stderr, "skipped: file %u\n", ev->number);
		break;
	case ZM_EV_FILE_OFFERED:
		offered(r, ev);
		break;
	case ZM_EV_FILE_REFUSED:
		fprintf(stderr, "refused\n");
		break;
	case ZM_EV_GOT_DATA:
		got_data(r, ev);
		break;
	case ZM_EV_FILE_END:
		close_in(r);
		if (r->store_ms == 0)
			zm_stored(r->z, true);
		else
			r->stored_at = now_ms() + r->store_ms;
		break;
	case ZM_EV_FILE_CUT:
		close_in(r);
		break;
	case ZM_EV_SAFE:
		fprintf(stderr, "You can hang up now.\n");
		break;
	case ZM_EV_FAILED:
		fprintf(stderr, "failed: %s\n", ev->err->text);
		r->over = true;
		break;
	case ZM_EV_DONE:
		r->over = true;
		break;
	}
}

static void events(struct pipe_run *r)
{
	struct zm_event ev;

	while (zm_event(r->z, &ev))
		handle(r, &ev);
	if (r->stored_at == 0 || now_ms() < r->stored_at)
		return;
	r->stored_at = 0;
	zm_stored(r->z, true);
	while (zm_event(r->z, &ev))
		handle(r, &ev);
}

/* Returns false at the end of the line. */
static bool read_line(struct pipe_run *r)
{
	uint8_t buf[4096];
	ssize_t n = read(0, buf, sizeof buf);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		return false;
	if (n < 0)
		return true;
	r->got += (uint64_t)n;
	if (r->cut_after != 0 && r->got >= r->cut_after)
		return false;
	zm_feed(r->z, buf, (size_t)n, now_ms());
	return true;
}

static void write_line(struct pipe_run *r)
{
	const uint8_t *p;
	size_t n = zm_out(r->z, &p);
	ssize_t w = n == 0 ? 0 : write(1, p, n);

	if (w > 0)
		zm_sent(r->z, (size_t)w, now_ms());
	else if (w < 0 && errno != EAGAIN && errno != EINTR)
		zm_abort(r->z, ERR_AGAIN, "the line is gone");
}

static void loop(struct pipe_run *r)
{
	bool line = true;

	events(r);
	while (line && !r->over) {
		const uint8_t *p;
		struct pollfd fd[2] = {{0, POLLIN, 0}, {1, POLLOUT, 0}};
		uint64_t now = now_ms(), at = zm_deadline(r->z);
		uint64_t wait = at <= now ? 0 : at - now;

		if (zm_out(r->z, &p) == 0)
			fd[1].fd = -1;
		if (poll(fd, 2, wait > 1000 ? 1000 : (int)wait) < 0)
			continue;
		if (fd[0].revents)
			line = read_line(r);
		zm_tick(r->z, now_ms());
		events(r);
		if (fd[1].fd >= 0 && fd[1].revents)
			write_line(r);
		events(r);
	}
	write_line(r); /* the cancel sequence, if any */
}

static int side_of(const char *word)
{
	static const char *const words[] = {
		"caller", "answerer", "send", "receive"
	};

	for (int i = 0; i < 4; i++)
		if (strcmp(word, words[i]) == 0)
			return i;
	return -1;
}

static bool options(struct pipe_run *r, struct zm_conf *c, bool *verbose,
    int argc, char **argv)
{
	int o;

	while ((o = getopt(argc, argv, "b:w:oerck:d:n:p:v")) != -1) {
		switch (o) {
		case 'b': c->block = (uint32_t)atoi(optarg); break;
		case 'w': c->window = (uint32_t)atoi(optarg); break;
		case 'o': c->crc16 = true; break;
		case 'e': c->escape_controls = true; break;
		case 'r': r->resume = c->resume = true; break;
		case 'c': r->resume = r->compare = true; break;
		case 'k': r->cut_after = (uint64_t)atol(optarg); break;
		case 'd': r->store_ms = (uint64_t)atol(optarg) * 1000; break;
		case 'n': snprintf(c->site, sizeof c->site, "%s", optarg);
			break;
		case 'p': snprintf(c->peer, sizeof c->peer, "%s", optarg);
			break;
		case 'v': *verbose = true; break;
		default: return false;
		}
	}
	return argc - optind >= 2 && side_of(argv[optind]) >= 0;
}

int main(int argc, char **argv)
{
	struct pipe_run r;
	struct zm_conf c;
	struct zm_stats s;
	bool verbose = false, safe;

	memset(&r, 0, sizeof r);
	zm_conf_init(&c);
	c.any_name = true;
	if (!options(&r, &c, &verbose, argc, argv)) {
		fprintf(stderr, "usage: zmodem_pipe [options] "
		    "send|receive|caller|answerer DIR [FILE...]\n");
		return 2;
	}
	r.dir = argv[optind + 1];
	r.files = argv + optind + 2;
	r.n_files = argc - optind - 2;
	fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK);
	fcntl(1, F_SETFL, fcntl(1, F_GETFL) | O_NONBLOCK);
	r.z = zm_new(&c, (enum zm_side)side_of(argv[optind]), now_ms());
	if (r.z == NULL)
		return 1;
	loop(&r);
	close_in(&r);
	if (r.out != NULL)
		fclose(r.out);
	safe = zm_safe(r.z);
	zm_stats(r.z, &s);
	if (verbose)
		fprintf(stderr, "data out %llu, again %llu, in %llu, errors "
		    "%u\n", (unsigned long long)s.data_out,
		    (unsigned long long)s.resent,
		    (unsigned long long)s.data_in, s.errors);
	zm_free(r.z);
	return safe ? 0 : 1;
}

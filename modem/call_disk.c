/* See call_disk.h.
 *
 * The thread takes all jobs that wait at once and does them by kind: syncs,
 * commits in groups, keeps, removals in groups.  The order between them does
 * not matter but for one thing: a partial's sync comes before its commit or
 * keep, and so it does, in one batch and from batch to batch. */
#include "config.h"

#include "modem/call_disk.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fs.h"
#include "spool/spool_inbox.h"
#include "spool/spool_outbox.h"

struct job {
	struct job *next;
	struct spool_part *part; /* owned but for SYNC */
	uint64_t end;            /* SYNC: what had been written then */
	struct call_disk_result r;
};
struct jobs {
	struct job *first, **last;
};

struct call_disk {
	const struct spool *spool; /* borrowed */
	char *peer;                /* owned */
	pthread_t thread;
	int fd;
	pthread_mutex_t lock; /* all below */
	pthread_cond_t change;
	struct jobs queue, done;
	size_t queued;
	bool busy, ending;
	bool posted; /* fd is readable */
	struct err err;
};

static void jobs_init(struct jobs *j)
{
	j->first = NULL;
	j->last = &j->first;
}

static void jobs_add(struct jobs *j, struct job *job)
{
	job->next = NULL;
	*j->last = job;
	j->last = &job->next;
}

static struct job *jobs_take(struct jobs *j)
{
	struct job *job = j->first;

	if (!job)
		return NULL;
	j->first = job->next;
	if (!j->first)
		j->last = &j->first;
	return job;
}

/* Note the first error. */
static void note(struct call_disk *d, const struct err *e)
{
	pthread_mutex_lock(&d->lock);
	if (d->err.kind == ERR_NONE)
		d->err = *e;
	pthread_mutex_unlock(&d->lock);
}

static void sync_part(struct call_disk *d, struct job *j)
{
	struct err e = ERR_INIT;

	if (j->r.what == CALL_DISK_SYNC &&
	    spool_part_vouch(j->part, j->end, &e) < 0)
		j->r.failed = true;
	if (j->r.what == CALL_DISK_KEEP) {
		j->r.failed = spool_part_sync(j->part, &e) < 0;
		j->r.size = j->part->synced;
		spool_part_close(j->part);
	}
	if (j->r.failed)
		note(d, &e);
}

/* Up to SPOOL_COMMIT_MAX bundles become stored, or stay partials. */
static void commit_group(struct call_disk *d, struct job **j, size_t n)
{
	struct spool_commit c[SPOOL_COMMIT_MAX];
	struct err e = ERR_INIT;
	bool failed;
	size_t i;

	for (i = 0; i < n; i++)
		c[i] = (struct spool_commit){
		    j[i]->part, j[i]->part->end, SPOOL_COMMIT_STORED, 0};
	failed = spool_part_commit_all(c, n, &e) < 0;
	if (failed)
		note(d, &e);
	for (i = 0; i < n; i++) {
		j[i]->r.result = c[i].result;
		j[i]->r.failed = failed;
		/* what is not in the inbox is worth keeping; what is, is
		 * seen as such by the next call's sweep */
		if (failed)
			spool_part_sync(j[i]->part, NULL);
		spool_part_close(j[i]->part);
	}
	if (!failed)
		spool_wake_applier(d->spool);
}

static void remove_group(struct call_disk *d, struct job **j, size_t n)
{
	uint64_t number[SPOOL_REMOVE_MAX] = {0};
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < n; i++)
		number[i] = j[i]->r.number;
	if (spool_outbox_stored_all(d->spool, d->peer, number, n, &e) == 0)
		return;
	note(d, &e);
	for (i = 0; i < n; i++)
		j[i]->r.failed = true;
}

/* All jobs of one kind, in groups of at most max. */
static void in_groups(struct call_disk *d, struct jobs *batch,
    enum call_disk_what what, size_t max,
    void (*run)(struct call_disk *, struct job **, size_t))
{
	struct job *group[SPOOL_REMOVE_MAX], *j;
	size_t n = 0;

	for (j = batch->first; j; j = j->next) {
		if (j->r.what == what)
			group[n++] = j;
		if (n == max || (n > 0 && !j->next)) {
			run(d, group, n);
			n = 0;
		}
	}
}

static void run_batch(struct call_disk *d, struct jobs *batch)
{
	struct job *j;

	for (j = batch->first; j; j = j->next)
		if (j->r.what == CALL_DISK_SYNC)
			sync_part(d, j);
	in_groups(
	    d, batch, CALL_DISK_COMMIT, SPOOL_COMMIT_MAX, commit_group);
	for (j = batch->first; j; j = j->next)
		if (j->r.what == CALL_DISK_KEEP)
			sync_part(d, j);
	in_groups(
	    d, batch, CALL_DISK_REMOVE, SPOOL_REMOVE_MAX, remove_group);
}

static void *work(void *arg)
{
	struct call_disk *d = arg;
	struct jobs batch;
	struct job *j;
	uint64_t one = 1;

	pthread_mutex_lock(&d->lock);
	for (;;) {
		while (!d->queue.first && !d->ending)
			pthread_cond_wait(&d->change, &d->lock);
		if (!d->queue.first)
			break;
		batch = d->queue;
		jobs_init(&d->queue);
		d->queued = 0;
		d->busy = true;
		pthread_cond_broadcast(&d->change);
		pthread_mutex_unlock(&d->lock);
		run_batch(d, &batch);
		pthread_mutex_lock(&d->lock);
		while ((j = jobs_take(&batch)))
			jobs_add(&d->done, j);
		d->busy = false;
		d->posted = true;
		if (write(d->fd, &one, sizeof one) < 0)
			one = 1; /* it is readable already */
		pthread_cond_broadcast(&d->change);
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

struct call_disk *call_disk_new(
    const struct spool *s, const char *peer, struct err *e)
{
	struct call_disk *d = calloc(1, sizeof *d);
	sigset_t all, old;
	int rc;

	if (!d)
		abort();
	d->spool = s;
	jobs_init(&d->queue);
	jobs_init(&d->done);
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->change, NULL);
	d->peer = fs_format("%s", peer);
	d->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	/* signals are the loop's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = d->fd < 0 ? errno : pthread_create(&d->thread, NULL, work, d);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc == 0)
		return d;
	err_set(e, ERR_SYSTEM, "no thread for the disk: %s", strerror(rc));
	if (d->fd >= 0)
		close(d->fd);
	free(d->peer);
	free(d);
	return NULL;
}

void call_disk_free(struct call_disk *d)
{
	struct job *j;

	if (!d)
		return;
	pthread_mutex_lock(&d->lock);
	d->ending = true;
	pthread_cond_broadcast(&d->change);
	pthread_mutex_unlock(&d->lock);
	pthread_join(d->thread, NULL);
	while ((j = jobs_take(&d->done)))
		free(j);
	pthread_mutex_destroy(&d->lock);
	pthread_cond_destroy(&d->change);
	close(d->fd);
	free(d->peer);
	free(d);
}

bool call_disk_room(struct call_disk *d)
{
	bool room;

	pthread_mutex_lock(&d->lock);
	room = d->queued < CALL_DISK_MAX / 2;
	pthread_mutex_unlock(&d->lock);
	return room;
}

int call_disk_fd(const struct call_disk *d)
{
	return d->fd;
}

static void give(struct call_disk *d, enum call_disk_what what,
    struct spool_part *p, uint64_t number)
{
	struct job *j = calloc(1, sizeof *j);

	if (!j)
		abort();
	j->part = p;
	j->r.what = what;
	j->r.number = number;
	j->r.size = j->end = p ? p->end : 0;
	pthread_mutex_lock(&d->lock);
	while (d->queued >= CALL_DISK_MAX)
		pthread_cond_wait(&d->change, &d->lock);
	jobs_add(&d->queue, j);
	d->queued++;
	pthread_cond_broadcast(&d->change);
	pthread_mutex_unlock(&d->lock);
}

void call_disk_sync(struct call_disk *d, struct spool_part *p)
{
	give(d, CALL_DISK_SYNC, p, p->number);
}

void call_disk_commit(struct call_disk *d, struct spool_part *p)
{
	give(d, CALL_DISK_COMMIT, p, p->number);
}

void call_disk_keep(struct call_disk *d, struct spool_part *p)
{
	give(d, CALL_DISK_KEEP, p, p->number);
}

void call_disk_remove(struct call_disk *d, uint64_t number)
{
	give(d, CALL_DISK_REMOVE, NULL, number);
}

bool call_disk_done(struct call_disk *d, struct call_disk_result *r)
{
	struct job *j;
	uint64_t count;

	pthread_mutex_lock(&d->lock);
	if (d->posted && read(d->fd, &count, sizeof count) == sizeof count)
		d->posted = false;
	j = jobs_take(&d->done);
	pthread_mutex_unlock(&d->lock);
	if (!j)
		return false;
	*r = j->r;
	free(j);
	return true;
}

void call_disk_wait(struct call_disk *d)
{
	pthread_mutex_lock(&d->lock);
	while (d->queue.first || d->busy)
		pthread_cond_wait(&d->change, &d->lock);
	pthread_mutex_unlock(&d->lock);
}

void call_disk_error(struct call_disk *d, struct err *e)
{
	pthread_mutex_lock(&d->lock);
	*e = d->err;
	pthread_mutex_unlock(&d->lock);
}

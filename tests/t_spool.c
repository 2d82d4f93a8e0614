/* The spool: names, listing, locks, outbox, partials, inbox, held; strangers'
 * names and links.  t_spool_kill.c kills it at every durable step. */
#include "config.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spool/spool_inbox.h"
#include "spool/spool_lock.h"
#include "spool/spool_outbox.h"
#include "spool/spool_p.h"
#include "spool/spool_part.h"
#include "spool/spool_text.h"
#include "tests/t_spool_site.h"

/* ------------------------------------------------------------- names */

static void test_names(void **state)
{
	static const struct {
		const char *what, *name;
		uint64_t number; /* 0: refused */
	} rows[] = {
	    {"the smallest", "00000001.xml.gz", 1},
	    {"eight digits", "99999999.xml.gz", 99999999},
	    {"nine digits", "100000000.xml.gz", 100000000},
	    {"2^53", "9007199254740992.xml.gz", 9007199254740992},
	    {"2^53 + 1 is too large", "9007199254740993.xml.gz", 0},
	    {"17 digits are too many", "10000000000000000.xml.gz", 0},
	    {"20 digits do not wrap", "18446744073709551617.xml.gz", 0},
	    {"zero is no number", "00000000.xml.gz", 0},
	    {"seven digits", "0000001.xml.gz", 0},
	    {"nine digits with a leading zero", "000000001.xml.gz", 0},
	    {"a plus sign", "+0000001.xml.gz", 0},
	    {"a minus sign", "-0000001.xml.gz", 0},
	    {"a blank in front", " 0000001.xml.gz", 0},
	    {"a blank behind the number", "0000001 .xml.gz", 0},
	    {"a newline behind", "00000001.xml.gz\n", 0},
	    {"hexadecimal", "0x000001.xml.gz", 0},
	    {"another suffix", "00000001.xml", 0},
	    {"capitals", "00000001.XML.GZ", 0},
	    {"a backup", "00000001.xml.gz~", 0},
	    {"a reason", "00000001.xml.gz.why", 0},
	    {"held twice", "00000001-2.xml.gz", 0},
	    {"a hidden name", ".00000001.xml.gz", 0},
	    {"the suffix alone", ".xml.gz", 0},
	    {"nothing", "", 0},
	    {"a way out", "../00000001.xml.gz", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char name[SPOOL_NAME_SIZE];
		uint64_t n = 0;
		bool ok = spool_name_parse(rows[i].name, &n);

		if (ok != (rows[i].number != 0) || n != rows[i].number)
			fail_msg("%s: %d %" PRIu64, rows[i].what, ok, n);
		if (ok)
			assert_string_equal(
			    spool_name_format(n, name), rows[i].name);
	}
}

static void test_held_names(void **state)
{
	static const struct {
		const char *name;
		uint64_t number;
		unsigned k; /* 0: refused */
	} rows[] = {
	    {"00000016.xml.gz", 16, 1},
	    {"00000016-2.xml.gz", 16, 2},
	    {"00000016-999.xml.gz", 16, 999},
	    {"00000016-1.xml.gz", 0, 0},
	    {"00000016-02.xml.gz", 0, 0},
	    {"00000016-.xml.gz", 0, 0},
	    {"00000016-2.xml.gz.why", 0, 0},
	    {"16-2.xml.gz", 0, 0},
	    {"00000016-99999999999.xml.gz", 0, 0},
	    {"-2.xml.gz", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t n = 0;
		unsigned k = 0;
		bool ok = spool_held_parse(rows[i].name, &n, &k);

		if (ok != (rows[i].k != 0) ||
		    (ok && (n != rows[i].number || k != rows[i].k)))
			fail_msg(
			    "%s: %d %" PRIu64 " %u", rows[i].name, ok, n, k);
	}
}

static void test_hostile_peers(void **state)
{
	static const char *const names[] = {"", ".", "..", "../hub", "a/b",
	    "/etc", ".hub", "hub\n", "a b", "-x",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	struct spool_list l;
	uint64_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *p = names[i];

		if (spool_list(&sp, SPOOL_KIND_INBOX, p, 0, &l, &err) == 0 ||
		    spool_make_peer(&sp, p, &err) == 0 ||
		    spool_tmp_create(&sp, p, 1, NULL, &err) >= 0 ||
		    spool_outbox_stored(&sp, p, 1, &err) == 0 ||
		    spool_acked_read(&sp, p, &n, &err) == 0 ||
		    spool_hold(&sp, p, 1, "x", &err) == 0)
			fail_msg("\"%s\" was taken as a name", p);
		assert_int_equal(err.kind, ERR_CALLER);
	}
	assert_int_equal(spool_inbox_remove(&sp, PEER, 0, &err), -1);
	assert_int_equal(
	    spool_inbox_remove(&sp, PEER, SPOOL_NUMBER_MAX + 1, &err), -1);
	assert_int_equal(err.kind, ERR_CALLER);
}

/* ----------------------------------------------------------- listing */

static void test_list(void **state)
{
	static const uint64_t want[] = {2, 3, 10, 99999999, 100000000};
	struct spool_list l;
	struct spool_counts c;

	(void)state;
	put("inbox/hub/100000000.xml.gz", "a");
	put("inbox/hub/00000010.xml.gz", "bb");
	put("inbox/hub/99999999.xml.gz", "");
	put("inbox/hub/00000003.xml.gz", "c");
	put("inbox/hub/00000002.xml.gz", "ddd");
	put("inbox/hub/4.xml.gz", "stray");
	put("inbox/hub/stored", "");
	shell("cd %s/inbox/hub && mkdir 00000005.xml.gz && "
	      "ln -s 00000003.xml.gz 00000006.xml.gz && "
	      "mkfifo 00000007.xml.gz",
	    top);
	assert_int_equal(
	    spool_list(&sp, SPOOL_KIND_INBOX, PEER, 0, &l, &err), 0);
	assert_int_equal(l.n, 5);
	assert_false(l.more);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(l.e[i].number, want[i]);
	assert_int_equal(l.e[0].size, 3);
	assert_true(l.e[0].mtime > 1000000000);
	spool_list_free(&l);
	for (size_t max = 1; max < 6; max++) {
		spool_list(&sp, SPOOL_KIND_INBOX, PEER, max, &l, &err);
		assert_true(l.n >= 1 && l.n <= max);
		assert_true(l.more);
		assert_int_equal(l.e[0].number, 2);
		spool_list_free(&l);
	}
	assert_int_equal(spool_list_above(
			     &sp, SPOOL_KIND_INBOX, PEER, 2, 2, &l, &err),
	    0);
	assert_true(l.n > 0 && l.n <= 2 && l.e[0].number == 3);
	spool_list_free(&l);
	assert_int_equal(spool_count(&sp, PEER, &c, &err), 0);
	assert_int_equal(c.inbox_bundles, 5);
	assert_int_equal(c.inbox_bytes, 7);
	assert_int_equal(
	    spool_list(&sp, SPOOL_KIND_INBOX, "nobody", 0, &l, &err), 0);
	assert_int_equal(l.n, 0);
	/* a fifo or a link with a bundle's name is not opened, nor waited for
	 */
	for (uint64_t n = 5; n <= 7; n++) {
		assert_int_equal(spool_open_bundle(&sp, SPOOL_KIND_INBOX, PEER,
				     n, NULL, &err),
		    -1);
		assert_int_equal(err.kind, ERR_MISSING);
	}
}

static void test_links_are_not_followed(void **state)
{
	struct spool_source src = {SPOOL_SIZE_UNKNOWN, 0, ""};
	struct spool_part *p;
	struct spool_list l;
	uint64_t offset;

	(void)state;
	shell("cd %s && mkdir away && echo precious >away/00000001.xml.gz && "
	      "mkdir -p outbox/evil inbox/evil held && "
	      "ln -s ../../away outbox/evil/tmp && ln -s ../../away "
	      "inbox/evil/part && ln -s ../away held/evil && "
	      "ln -s ../away inbox/mole",
	    top);
	assert_int_equal(
	    spool_list(&sp, SPOOL_KIND_TMP, "evil", 0, &l, &err), -1);
	assert_int_equal(err.kind, ERR_DATA);
	assert_int_equal(spool_tmp_drop(&sp, "evil", 1, &err), -1);
	assert_int_equal(
	    spool_part_open(&sp, "evil", 1, &src, &p, &offset, &err), -1);
	assert_int_equal(spool_inbox_remove(&sp, "mole", 1, &err), -1);
	assert_int_equal(err.kind, ERR_DATA);
	put("inbox/evil/00000001.xml.gz", "x");
	assert_int_equal(spool_hold(&sp, "evil", 1, "r", &err), -1);
	expect_file("away/00000001.xml.gz", "precious\n");
	/* links in place of our own small files */
	shell("cd %s && ln -s ../../away/00000001.xml.gz inbox/hub/stored && "
	      "ln -s ../../../away/00000001.xml.gz "
	      "inbox/hub/part/00000001.xml.gz",
	    top);
	assert_int_equal(
	    spool_stored_add(&sp, PEER, &(struct spool_mark){1, 1, 1}, 1,
		&err),
	    -1);
	assert_int_equal(
	    spool_part_open(&sp, PEER, 1, &src, &p, &offset, &err), 0);
	assert_int_equal(spool_part_append(p, "new", 3, &err), 0);
	spool_part_close(p);
	expect_file("away/00000001.xml.gz", "precious\n");
}

/* ------------------------------------------------------------- locks */

static void test_locks(void **state)
{
	static const struct {
		enum spool_lock_kind kind;
		const char *name;
	} rows[] = {{SPOOL_LOCK_PACKER, PEER}, {SPOOL_LOCK_APPLIER, NULL},
	    {SPOOL_LOCK_LINE, "modem"}, {SPOOL_LOCK_CALL, PEER}};
	struct spool_lock mine[4], second = SPOOL_LOCK_INIT;
	char pid[32];
	int status;

	(void)state;
	snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(
		    spool_lock_owner(&sp, rows[i].kind, rows[i].name), 0);
		assert_int_equal(
		    spool_lock(&sp, rows[i].kind, rows[i].name, &mine[i], &err),
		    0);
		assert_int_equal(
		    spool_lock(&sp, rows[i].kind, rows[i].name, &second, &err),
		    -1);
		assert_int_equal(err.kind, ERR_BUSY);
		assert_non_null(strstr(err.text, pid));
		assert_int_equal(
		    spool_lock_owner(&sp, rows[i].kind, rows[i].name),
		    getpid());
	}
	/* another peer's packer is free */
	assert_int_equal(
	    spool_lock(&sp, SPOOL_LOCK_PACKER, "ann", &second, &err), 0);
	spool_unlock(&second);
	for (size_t i = 0; i < 4; i++)
		spool_unlock(&mine[i]);
	/* dropped by the death of its process, without a word */
	if (fork() == 0) {
		if (spool_lock(&sp, SPOOL_LOCK_APPLIER, NULL, &second, NULL))
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	wait(&status);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(spool_lock_owner(&sp, SPOOL_LOCK_APPLIER, NULL), 0);
	assert_int_equal(
	    spool_lock(&sp, SPOOL_LOCK_APPLIER, NULL, &second, &err), 0);
	spool_unlock(&second);
}

/* ------------------------------------------------------------ outbox */

/* Build tmp/N with these bytes. */
static void build(uint64_t number, const char *text)
{
	int fd = spool_tmp_create(&sp, PEER, number, NULL, &err);

	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, text, strlen(text), &err), 0);
	assert_int_equal(spool_tmp_sync(&sp, PEER, number, fd, &err), 0);
	close(fd);
}

/* Numbers up to *ctx are committed. */
static int committed_through(void *ctx, uint64_t number, struct err *e)
{
	(void)e;
	return number <= *(uint64_t *)ctx;
}

static void test_outbox(void **state)
{
	struct spool_sweep done;
	uint64_t through = 4, last;
	unsigned removed;

	(void)state;
	build(1, "one");
	assert_int_equal(spool_tmp_create(&sp, PEER, 1, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_CALLER);
	assert_int_equal(spool_publish_outbox(&sp, PEER, 1, &err), 0);
	assert_false(there("outbox/hub/tmp/00000001.xml.gz"));
	expect_file("outbox/hub/00000001.xml.gz", "one");
	build(1, "other");
	assert_int_equal(spool_publish_outbox(&sp, PEER, 1, &err), 1);
	expect_file("outbox/hub/00000001.xml.gz", "one");
	/* sweep: 1 clashes, 3 and 4 committed (4 linked already), 5 is not */
	build(3, "three");
	build(4, "four");
	build(5, "five");
	put("outbox/hub/tmp/notes", "a person's");
	assert_int_equal(link(at("outbox/hub/tmp/00000004.xml.gz"),
			     at("outbox/hub/00000004.xml.gz")),
	    0);
	assert_int_equal(spool_sweep_outbox_tmp(&sp, PEER, committed_through,
			     &through, &done, &err),
	    0);
	assert_int_equal(done.published, 2);
	assert_int_equal(done.removed, 1);
	assert_int_equal(done.clashed, 1);
	expect_file("outbox/hub/00000004.xml.gz", "four");
	assert_false(there("outbox/hub/tmp/00000004.xml.gz"));
	assert_false(there("outbox/hub/tmp/00000005.xml.gz"));
	assert_true(there("outbox/hub/tmp/notes"));
	assert_int_equal(spool_outbox_last(&sp, PEER, &last, &err), 0);
	assert_int_equal(last, 4);
	/* the dialer's removals */
	assert_int_equal(spool_outbox_drop_acked(&sp, PEER, &removed, &err), 0);
	assert_int_equal(removed, 0);
	assert_int_equal(spool_acked_write(&sp, PEER, 3, &err), 0);
	assert_int_equal(spool_outbox_drop_acked(&sp, PEER, &removed, &err), 0);
	assert_int_equal(removed, 2);
	assert_true(there("outbox/hub/00000004.xml.gz"));
	assert_int_equal(spool_outbox_stored(&sp, PEER, 4, &err), 0);
	assert_int_equal(spool_outbox_stored(&sp, PEER, 4, &err), 0);
	assert_false(there("outbox/hub/00000004.xml.gz"));
}

static void test_acked_damaged(void **state)
{
	static const struct {
		const char *text;
		uint64_t number;
	} rows[] = {{"number: 42\n", 42}, {"number: 42\nmore: 1\n", 42},
	    {"number: 42", 0}, {"number: 4x\n", 0}, {"42\n", 0}, {"", 0},
	    {"number: -1\n", 0}, {"number: 99999999999999999999\n", 0},
	    {"number: \n", 0}};
	uint64_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put("outbox/hub/acked", rows[i].text);
		assert_int_equal(spool_acked_read(&sp, PEER, &n, &err), 0);
		if (n != rows[i].number)
			fail_msg("\"%s\": %" PRIu64, rows[i].text, n);
	}
}

/* ------------------------------------------------------------ partials */

/* Open the partial of bundle 7 as the sender describes it now. */
static struct spool_part *open7(
    uint64_t size, const char *digest, uint64_t want)
{
	struct spool_source src = {size, 0, ""};
	struct spool_part *p;
	uint64_t offset;

	snprintf(src.digest, sizeof(src.digest), "%s", digest);
	if (spool_part_open(&sp, PEER, 7, &src, &p, &offset, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(offset, want);
	return p;
}

static void add(struct spool_part *p, size_t from, size_t n)
{
	assert_int_equal(spool_part_append(p, &BODY[from], n, &err), 0);
}

static void test_part_resumes_from_synced(void **state)
{
	struct spool_part *p = open7(BODY_N, "d1", 0);
	bool have;

	(void)state;
	add(p, 0, 10);
	assert_int_equal(spool_part_sync(p, &err), 0);
	add(p, 10, 5);
	spool_part_close(p);                   /* five bytes not synced */
	p = open7(SPOOL_SIZE_UNKNOWN, "", 10); /* knows less, same file */
	assert_int_equal(p->source.size, BODY_N);
	expect_file("inbox/hub/part/00000007.xml.gz", "0123456789");
	assert_int_equal(spool_part_append(p, BODY, 30, &err), -1);
	assert_int_equal(err.kind, ERR_PEER);
	assert_int_equal(spool_part_commit(p, BODY_N, &err), -1);
	assert_int_equal(err.kind, ERR_PEER);
	add(p, 10, BODY_N - 10);
	assert_int_equal(spool_have(&sp, PEER, 7, BODY_N, &have, &err), 0);
	assert_false(have);
	assert_int_equal(spool_part_commit(p, BODY_N, &err), 0);
	expect_file("inbox/hub/00000007.xml.gz", BODY);
	assert_false(there("inbox/hub/part/00000007.xml.gz"));
	assert_false(there("inbox/hub/part/00000007.offset"));
	/* known, also when the applier has deleted it */
	spool_inbox_remove(&sp, PEER, 7, &err);
	assert_int_equal(spool_have(&sp, PEER, 7, BODY_N, &have, &err), 0);
	assert_true(have);
	assert_int_equal(spool_have(&sp, PEER, 7, 99, &have, &err), 0);
	assert_false(have);
}

static void test_part_side_files(void **state)
{
	static const struct {
		const char *what, *side;
		uint64_t size;
		const char *digest;
		uint64_t offset;
	} rows[] = {
	    {"as it was", "offset: 9\nsize: 36\ndigest: a\n", 36, "a", 9},
	    {"digest changed", "offset: 9\nsize: 36\ndigest: a\n", 36, "b", 0},
	    {"size changed", "offset: 9\nsize: 36\ndigest: a\n", 37, "a", 0},
	    {"no digest kept", "offset: 9\nsize: 36\n", 36, "b", 9},
	    {"more than there is", "offset: 11\nsize: 36\n", 36, "", 0},
	    {"past the size", "offset: 9\nsize: 8\n", 8, "", 0},
	    {"negative", "offset: -1\n", 36, "", 0},
	    {"twice, the second bad", "offset: 9\noffset: x\n", 36, "", 0},
	    {"torn", "offset: 9", 36, "", 0},
	    {"empty", "", 36, "", 0},
	    {"junk", "\xff\xfe\n\n: \n", 36, "", 0},
	    {"unknown key", "colour: red\noffset: 3\n", 36, "", 3},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put("inbox/hub/part/00000007.xml.gz", "0123456789");
		put("inbox/hub/part/00000007.offset", rows[i].side);
		print_message("  %s\n", rows[i].what);
		spool_part_close(
		    open7(rows[i].size, rows[i].digest, rows[i].offset));
	}
	shell("head -c 5000 /dev/zero | tr '\\0' '\\n' "
	      ">%s/inbox/hub/part/00000007.offset",
	    top);
	spool_part_close(open7(36, "", 0));
}

static void test_part_digest_is_checked(void **state)
{
	struct spool_part *p = open7(5, "crc32=00000000", 0);

	(void)state;
	add(p, 0, 5);
	assert_int_equal(spool_part_commit(p, 5, &err), -1);
	assert_int_equal(err.kind, ERR_PEER);
	spool_part_close(p);
	assert_false(there("inbox/hub/00000007.xml.gz"));
	p = open7(5, "crc32=dda47024", 0); /* dropped: from the start */
	add(p, 0, 5);
	assert_int_equal(spool_part_commit(p, 5, &err), 0);
}

/* What was written and synced, counted by the hook. */
static unsigned steps;
static void count_step(void)
{
	steps++;
}

static void test_commit_in_groups(void **state)
{
	static const char *const digest[] = {
	    "crc32=dda47024", "crc32=00000000", "", "crc32=dda47024"};
	static const enum spool_commit_result want[] = {SPOOL_COMMIT_STORED,
	    SPOOL_COMMIT_DIFFERS, SPOOL_COMMIT_TAKEN, SPOOL_COMMIT_STORED};
	struct spool_source src = {5, 0, ""};
	struct spool_commit c[SPOOL_COMMIT_MAX];
	uint64_t offset, gone[2] = {40, 43};

	(void)state;
	put("inbox/hub/00000042.xml.gz", "other");
	for (size_t i = 0; i < 4; i++) {
		snprintf(
		    src.digest, sizeof(src.digest), "%s", digest[i]);
		assert_int_equal(spool_part_open(&sp, PEER, 40 + i, &src,
				     &c[i].part, &offset, &err),
		    0);
		add(c[i].part, 0, 5);
		c[i].size = 5;
	}
	assert_int_equal(spool_part_commit_all(c, 4, &err), 0);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(c[i].result, want[i]);
		assert_int_equal(c[i].crc, 0xdda47024);
		spool_part_close(c[i].part);
	}
	expect_file("inbox/hub/00000043.xml.gz", "01234");
	expect_file("inbox/hub/00000042.xml.gz", "other");
	expect_file(
	    "inbox/hub/stored", "40 5 crc32=dda47024\n43 5 crc32=dda47024\n");
	assert_false(there("inbox/hub/part/00000041.xml.gz"));
	expect_file("inbox/hub/part/00000042.offset",
	    "offset: 5\nsize: 5\n");
	/* all of them cost one sync of the file system, of each directory and
	 * of `stored` */
	for (size_t i = 0; i < SPOOL_COMMIT_MAX; i++) {
		src.digest[0] = '\0';
		assert_int_equal(spool_part_open(&sp, PEER, 100 + i, &src,
				     &c[i].part, &offset, &err),
		    0);
		add(c[i].part, 0, 5);
		c[i].size = 5;
	}
	steps = 0;
	fs_step_hook = count_step;
	assert_int_equal(
	    spool_part_commit_all(c, SPOOL_COMMIT_MAX, &err), 0);
	assert_int_equal(steps, 2 * SPOOL_COMMIT_MAX + 3);
	for (size_t i = 0; i < SPOOL_COMMIT_MAX; i++)
		spool_part_close(c[i].part);
	put("outbox/hub/00000040.xml.gz", "a");
	put("outbox/hub/00000043.xml.gz", "b");
	steps = 0;
	assert_int_equal(
	    spool_outbox_stored_all(&sp, PEER, gone, 2, &err), 0);
	assert_int_equal(steps, 3);
	fs_step_hook = NULL;
	assert_false(there("outbox/hub/00000043.xml.gz"));
}

static void test_sum_of_what_came(void **state)
{
	struct spool_part *p = open7(BODY_N, "", 0);

	(void)state;
	add(p, 0, 2);
	assert_int_equal(spool_part_vouch(p, 1, &err), 0);
	assert_int_equal(p->synced, 0);
	expect_file("inbox/hub/part/00000007.offset",
	    "offset: 1\nsize: 36\n");
	add(p, 2, 3);
	assert_true(p->crc_known);
	assert_int_equal(p->crc, 0xdda47024);
	assert_int_equal(spool_part_sync(p, &err), 0);
	spool_part_close(p);
	p = open7(BODY_N, "", 5); /* of an earlier call: summed at the end */
	assert_false(p->crc_known);
	add(p, 5, BODY_N - 5);
	assert_int_equal(spool_part_commit(p, BODY_N, &err), 0);
	expect_file("inbox/hub/stored", "7 36 crc32=fdb5537d\n");
}

static void test_part_name_taken(void **state)
{
	struct spool_part *p;
	unsigned finished;

	(void)state;
	put("inbox/hub/00000007.xml.gz", "by hand, another");
	p = open7(5, "", 0);
	add(p, 0, 5);
	assert_int_equal(spool_part_commit(p, 5, &err), 1);
	spool_part_close(p);
	expect_file("inbox/hub/00000007.xml.gz", "by hand, another");
	p = open7(5, "", 5); /* nothing need be sent again */
	put("inbox/hub/00000007.xml.gz", "01234");
	assert_int_equal(spool_part_commit(p, 5, &err), 0); /* the same bytes */
	assert_false(there("inbox/hub/part/00000007.xml.gz"));
	expect_file("inbox/hub/stored", "7 5 crc32=dda47024\n");
	/* a partial of what is known goes, one of something else stays */
	p = open7(5, "", 0);
	add(p, 0, 3);
	assert_int_equal(spool_part_sync(p, &err), 0);
	spool_part_close(p);
	put("inbox/hub/part/00000008.xml.gz", "0123");
	put("inbox/hub/part/00000008.offset", "offset: 4\nsize: 9\n");
	assert_int_equal(spool_part_sweep(&sp, PEER, &finished, &err), 0);
	assert_int_equal(finished, 1);
	assert_false(there("inbox/hub/part/00000007.offset"));
	expect_file("inbox/hub/part/00000008.xml.gz", "0123");
}

/* A full disk (here: a limit on the size of files) loses nothing that was
 * there, and the call can go on when there is room again. */
static void test_part_disk_full(void **state)
{
	struct rlimit old, small;
	struct spool_part *p = open7(BODY_N, "", 0);

	(void)state;
	add(p, 0, 10);
	assert_int_equal(spool_part_sync(p, &err), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 20;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(spool_part_append(p, &BODY[10], 20, &err), -1);
	assert_int_equal(err.kind, ERR_SYSTEM);
	assert_int_equal(p->end, 10);
	setrlimit(RLIMIT_FSIZE, &old);
	add(p, 10, BODY_N - 10);
	assert_int_equal(spool_part_commit(p, BODY_N, &err), 0);
	expect_file("inbox/hub/00000007.xml.gz", BODY);
}

static void test_published_part_is_never_written(void **state)
{
	struct spool_part *p;

	(void)state;
	put("inbox/hub/00000007.xml.gz", BODY);
	assert_int_equal(link(at("inbox/hub/00000007.xml.gz"),
			     at("inbox/hub/part/00000007.xml.gz")),
	    0);
	put("inbox/hub/part/00000007.offset", "offset: 9\nsize: 36\n");
	p = open7(36, "", 0);
	assert_int_equal(spool_part_append(p, "XXXX", 4, &err), 0);
	spool_part_close(p);
	expect_file("inbox/hub/00000007.xml.gz", BODY);
}

/* ------------------------------------------------- stored, applied, held */

static void test_stored_is_bounded(void **state)
{
	static struct spool_mark m[SPOOL_KNOWN_MAX];
	struct spool_mark one = {0, 5, 0xabcdef01};
	struct stat st;
	size_t n;

	(void)state;
	put("inbox/hub/stored", "1 5 crc32=abcdef01\n2 5 crc32=abc"); /* torn */
	for (uint64_t i = 1000000000; i < 1000000000 + 4000; i++) {
		one.number = i;
		if (i % 500 == 0) /* a person's editor */
			shell("echo junk >>%s/inbox/hub/stored", top);
		assert_int_equal(spool_stored_add(&sp, PEER, &one, 1, &err), 0);
	}
	assert_int_equal(stat(at("inbox/hub/stored"), &st), 0);
	assert_true(st.st_size < 100000);
	assert_int_equal(spool_stored_read(&sp, PEER, m, &n, &err), 0);
	assert_int_equal(n, SPOOL_KNOWN_MAX);
	assert_int_equal(m[n - 1].number, 1000003999);
	assert_int_equal(m[0].number, 1000003000);
	assert_int_equal(m[0].crc, 0xabcdef01);
}

static void test_known(void **state)
{
	static struct spool_applied a;
	struct spool_known *k;
	uint32_t right = 0x11, wrong = 0x12;

	(void)state;
	a.through = 50;
	for (uint64_t i = 1; i <= 1100; i++)
		spool_applied_add(&a,
		    &(struct spool_mark){i > 1099 ? 49 : 900000 + i, 77, 0x11});
	assert_int_equal(a.n, SPOOL_KNOWN_MAX);
	assert_int_equal(spool_applied_write(&sp, PEER, &a, &err), 0);
	memset(&a, 0, sizeof(a));
	assert_int_equal(spool_applied_read(&sp, PEER, &a, &err), 0);
	assert_int_equal(a.through, 50);
	assert_int_equal(a.n, SPOOL_KNOWN_MAX);
	assert_int_equal(a.mark[a.n - 1].number, 49);
	put("inbox/hub/00000060.xml.gz", "12345");
	put("held/hub/00000061.xml.gz", "12345");
	put("inbox/hub/stored", "48 5 crc32=00000011\n");
	k = spool_known_load(&sp, PEER, &err);
	assert_non_null(k);
	assert_int_equal(spool_known_through(k), 50);
	assert_true(spool_known_has(k, 3, 1, NULL)); /* long ago */
	assert_true(spool_known_has(k, 49, 77, &right));
	/* a restored peer uses the number again */
	assert_false(spool_known_has(k, 49, 78, NULL));
	assert_false(spool_known_has(k, 49, 77, &wrong));
	assert_true(spool_known_has(k, 48, 5, &right));
	assert_false(spool_known_has(k, 48, 6, NULL));
	assert_false(spool_known_has(k, 51, 5, NULL));
	assert_true(spool_known_has(k, 60, 5, NULL));
	assert_true(spool_known_has(k, 60, SPOOL_SIZE_UNKNOWN, NULL));
	assert_false(spool_known_has(k, 60, 6, NULL)); /* still growing */
	assert_true(spool_known_has(k, 61, 5, NULL));
	assert_false(spool_known_has(k, 0, 5, NULL));
	spool_known_free(k);
}

static void test_hold(void **state)
{
	struct spool_counts c;

	(void)state;
	for (int i = 0; i < 3; i++) {
		put("inbox/hub/00000016.xml.gz", i ? "second" : "first");
		assert_int_equal(
		    spool_hold(&sp, PEER, 16,
			"line 3:\nbad \x1b[31m \xc3\xa9 \xff", &err),
		    0);
		assert_false(there("inbox/hub/00000016.xml.gz"));
	}
	expect_file("held/hub/00000016.xml.gz", "first");
	expect_file("held/hub/00000016-2.xml.gz", "second");
	expect_file("held/hub/00000016-3.xml.gz", "second");
	expect_file("held/hub/00000016.xml.gz.why",
	    "line 3:\\nbad \\x1B[31m \xc3\xa9 \\xFF\n");
	assert_int_equal(spool_count(&sp, PEER, &c, &err), 0);
	assert_int_equal(c.held_bundles, 3);
	assert_int_equal(spool_hold(&sp, PEER, 16, "x", &err), -1);
	assert_int_equal(err.kind, ERR_MISSING);
	/* a person takes one away: its reason is swept, the other's not */
	shell("cd %s/held/hub && rm 00000016-2.xml.gz && touch x.why "
	      ".00000009.xml.gz.why.tmp .mine.why.tmp",
	    top);
	assert_int_equal(spool_held_sweep(&sp, PEER, &err), 0);
	assert_false(there("held/hub/00000016-2.xml.gz.why"));
	assert_true(there("held/hub/00000016-3.xml.gz.why"));
	assert_true(there("held/hub/x.why"));
	assert_false(there("held/hub/.00000009.xml.gz.why.tmp"));
	assert_true(there("held/hub/.mine.why.tmp"));
	put("inbox/hub/00000016.xml.gz", "in the way");
	assert_int_equal(spool_unhold(&sp, PEER, 16, &err), 1);
	expect_file("held/hub/00000016.xml.gz", "first");
	spool_inbox_remove(&sp, PEER, 16, &err);
	assert_int_equal(spool_unhold(&sp, PEER, 16, &err), 0);
	expect_file("inbox/hub/00000016.xml.gz", "first");
	assert_false(there("held/hub/00000016.xml.gz.why"));
}

static void test_escape(void **state)
{
	static const struct {
		const char *raw, *text;
	} rows[] = {{"plain", "plain"}, {"a\nb\r\t\\", "a\\nb\\r\\t\\\\"},
	    {"\x01\x7f", "\\x01\\x7F"}, {"\xe2\x82\xac", "\xe2\x82\xac"},
	    {"\xe2\x82", "\\xE2\\x82"}, {"\xc0\x80", "\\xC0\\x80"},
	    {"\xc2\x9b", "\\xC2\\x9B"}, {"\xed\xa0\x80", "\\xED\\xA0\\x80"},
	    {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"}};
	char broken[] = "\\q\\x4\\x00\\";

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf b = BUF_INIT(100);

		spool_escape(&b, rows[i].raw, 100);
		assert_string_equal(buf_str(&b), rows[i].text);
		spool_unescape(b.p);
		assert_string_equal(b.p, rows[i].raw);
		buf_free(&b);
	}
	spool_unescape(broken);
	assert_string_equal(broken, "\\q\\x4\\x00\\");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_held_names),
	    cmocka_unit_test(test_escape),
#define SITE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	    SITE_TEST(test_hostile_peers),
	    SITE_TEST(test_list),
	    SITE_TEST(test_links_are_not_followed),
	    SITE_TEST(test_locks),
	    SITE_TEST(test_outbox),
	    SITE_TEST(test_acked_damaged),
	    SITE_TEST(test_part_resumes_from_synced),
	    SITE_TEST(test_part_side_files),
	    SITE_TEST(test_part_digest_is_checked),
	    SITE_TEST(test_commit_in_groups),
	    SITE_TEST(test_sum_of_what_came),
	    SITE_TEST(test_part_name_taken),
	    SITE_TEST(test_part_disk_full),
	    SITE_TEST(test_published_part_is_never_written),
	    SITE_TEST(test_stored_is_bounded),
	    SITE_TEST(test_known),
	    SITE_TEST(test_hold),
	};

	alarm(300);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

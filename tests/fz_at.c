/* Fuzzing the AT dialogue: the input is a script of pieces, each a byte that
 * says what is done (a task, time, bytes from the modem) and its bytes.
 * Whatever came, nothing is written past what was asked for, and a new
 * at_init() comes to an end. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modem/at.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(c) do { if (!(c)) { \
	fprintf(stderr, "fz_at: %s does not hold\n", #c); abort(); \
} } while (0)

static const char *const words[] = {"\r\nOK\r\n", "0\r", "\r\nERROR\r\n",
    "\r\nCONNECT 57600/", "1\r", "\r\nNO CARRIER\r\n", "\r\nRING\r\n",
    "\r\nCARRIER ", "\r\n", "+MRR: ", "PROTOCOL: ", "COMPRESSION: CLASS 5"};

static void take_events(struct at *a, uint64_t now)
{
	struct at_event ev;

	while (at_event(a, &ev)) {
		MUST(ev.text && strlen(ev.text) <= AT_INFO_MAX);
		MUST(!ev.connect || strlen(ev.connect->text) <= AT_TEXT_MAX);
		MUST((ev.type == AT_EV_NO_CALL || ev.type == AT_EV_FAILED) ==
		    (ev.err != NULL));
		if (ev.type == AT_EV_DTR)
			at_dtr_done(a, now & 1, now);
	}
}

static void task(struct at *a, unsigned which, uint64_t now)
{
	struct err e = ERR_INIT;

	switch (which) {
	case 0: at_init(a, now); break;
	case 1: (void)at_dial(a, "5551234,1", now, &e); break;
	case 2: (void)at_answer(a, now); break;
	case 3: at_hangup(a, now); break;
	case 4: (void)at_command(a, "I3", now); break;
	case 5: at_carrier_lost(a, now); break;
	case 6: at_set_maker(a, (enum at_maker)(now % AT_MAKERS)); break;
	default: (void)at_dial(a, NULL, now, &e); break;
	}
}

/* The modem is silent from now on. */
static void end(struct at *a, uint64_t now)
{
	uint64_t limit = now + 200000;
	const uint8_t *p;

	take_events(a, now);
	at_init(a, now);
	while (strcmp(at_state(a), "failed") != 0) {
		at_sent(a, at_out(a, &p), now);
		MUST(at_deadline(a) < limit);
		if (at_deadline(a) > now)
			now = at_deadline(a);
		at_tick(a, now);
		take_events(a, now);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t now = 1;
	struct at_conf c;
	const uint8_t *p;
	struct at *a;
	size_t n, i;

	at_conf_init(&c);
	c.dtr = size > 0 && data[0] & 1;
	(void)snprintf(c.init, sizeof(c.init), "&F&C1");
	a = at_new(&c, now);
	MUST(a);
	at_init(a, now);
	for (i = 0; i < size; i++) {
		unsigned what = data[i] >> 4, low = data[i] & 15;

		if (what < 2)
			task(a, data[i] & 7, now);
		else if (what < 5)
			now += low * low * 40;
		else if (what < 11)
			(void)at_feed(a, words[low % 12],
			    strlen(words[low % 12]), now);
		else {
			n = low + 1 < size - i ? low + 1 : size - i;
			MUST(at_feed(a, data + i, n, now) <= n);
			i += n - 1;
		}
		at_tick(a, now);
		if (low != 7)
			at_sent(a, at_out(a, &p), now);
		if (low != 9)
			take_events(a, now);
	}
	end(a, now);
	at_free(a);
	return 0;
}

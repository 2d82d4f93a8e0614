/* Who made a modem, and how its makers turn on RTS/CTS flow control: tables.
 * No one command does it everywhere, and &K3, which most understand, means
 * something else to a USRobotics.  See at_result.h. */
#include "modem/at_result.h"

#include <ctype.h>
#include <string.h>

#define ROWS(t) (sizeof(t) / sizeof *(t))
#define FLOWS_MAX 4

/* Words in capitals, the particular ones first: a modem of Multitech may say
 * that a chip of Rockwell is in it. */
static const struct maker_row {
	const char *word;
	enum at_maker maker;
} maker_rows[] = {
	{"ROBOTICS", AT_MAKER_USR}, {"COURIER", AT_MAKER_USR},
	{"SPORTSTER", AT_MAKER_USR}, {"3COM", AT_MAKER_USR},
	{"USR", AT_MAKER_USR},
	{"MULTITECH", AT_MAKER_MULTITECH}, {"MULTI-TECH", AT_MAKER_MULTITECH},
	{"MULTIMODEM", AT_MAKER_MULTITECH}, {"MT5634", AT_MAKER_MULTITECH},
	{"MT2834", AT_MAKER_MULTITECH}, {"MT9234", AT_MAKER_MULTITECH},
	{"MICROCOM", AT_MAKER_MICROCOM}, {"DESKPORTE", AT_MAKER_MICROCOM},
	{"ZYXEL", AT_MAKER_ZYXEL}, {"U1496", AT_MAKER_ZYXEL},
	{"U-1496", AT_MAKER_ZYXEL},
	{"LUCENT", AT_MAKER_LUCENT}, {"AGERE", AT_MAKER_LUCENT},
	{"LT V.", AT_MAKER_LUCENT},
	{"ROCKWELL", AT_MAKER_ROCKWELL}, {"CONEXANT", AT_MAKER_ROCKWELL},
	{"ASKEY", AT_MAKER_ROCKWELL}, {"SMARTDAA", AT_MAKER_ROCKWELL},
	{"RC56", AT_MAKER_ROCKWELL}, {"RC336", AT_MAKER_ROCKWELL},
	{"RC288", AT_MAKER_ROCKWELL}, {"RCV", AT_MAKER_ROCKWELL},
	{"ACF", AT_MAKER_ROCKWELL}, {"CX930", AT_MAKER_ROCKWELL},
	{"HCF", AT_MAKER_ROCKWELL}, {"HSF", AT_MAKER_ROCKWELL},
	{"V90_2M", AT_MAKER_ROCKWELL}, {"SUPRA", AT_MAKER_ROCKWELL},
};

static const char *const makers[AT_MAKERS] = {
	[AT_MAKER_UNKNOWN] = "unknown",
	[AT_MAKER_USR] = "USRobotics",
	[AT_MAKER_ROCKWELL] = "Rockwell or Conexant",
	[AT_MAKER_LUCENT] = "Lucent",
	[AT_MAKER_MICROCOM] = "Microcom",
	[AT_MAKER_MULTITECH] = "Multitech",
	[AT_MAKER_ZYXEL] = "ZyXEL",
};

/* One line to send each; &F1 of USRobotics is a whole profile. */
static const char *const flows[AT_MAKERS][FLOWS_MAX] = {
	[AT_MAKER_UNKNOWN] = {"+IFC=2,2", "&K3", "\\Q3", "&H1&R2"},
	[AT_MAKER_USR] = {"&H1&R2", "&F1"},
	[AT_MAKER_ROCKWELL] = {"&K3", "+IFC=2,2"},
	[AT_MAKER_LUCENT] = {"&K3", "\\Q3", "+IFC=2,2"},
	[AT_MAKER_MICROCOM] = {"\\Q3", "+IFC=2,2"},
	[AT_MAKER_MULTITECH] = {"\\Q3", "&K3", "+IFC=2,2"},
	[AT_MAKER_ZYXEL] = {"&H3", "+IFC=2,2"},
};

static const char *const identity_commands[] = {"ATI", "ATI3", "ATI4",
    "AT+GMI", "AT+GMM"};

static bool has_word(const char *text, const char *word)
{
	size_t i;

	for (; *text; text++) {
		for (i = 0; word[i] &&
		    toupper((unsigned char)text[i]) == word[i]; i++)
			;
		if (!word[i])
			return true;
	}
	return false;
}

enum at_maker at_maker(const char *identity)
{
	size_t i;

	for (i = 0; i < ROWS(maker_rows); i++)
		if (has_word(identity, maker_rows[i].word))
			return maker_rows[i].maker;
	return AT_MAKER_UNKNOWN;
}

const char *at_maker_name(enum at_maker maker)
{
	return makers[maker];
}

const char *at_identity_command(size_t i)
{
	return i < ROWS(identity_commands) ? identity_commands[i] : NULL;
}

const char *at_flow_command(enum at_maker maker, size_t i, bool *resets)
{
	const char *command = i < FLOWS_MAX ? flows[maker][i] : NULL;

	if (resets)
		*resets = command && strncmp(command, "&F", 2) == 0;
	return command;
}

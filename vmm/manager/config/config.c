/* SPDX-License-Identifier: MIT */
/*
 * Reads configuration files: sections, keys, quotes and comments, with each mistake reported at its
 * line and column. Called by setup.c; most of the manager uses its look-ups of names. Writes the
 * given `struct config` and the lists of config_sections.c.
 */
#include "vmm/manager/config/config.h"
#include "kernel/abi/log.h"
#include "vmm/manager/config/config_keys.h"
#include "vmm/manager/config/config_net.h"
#include "vmm/manager/log/log_store.h"
#include "vmm/rt/format.h"

#define CONFIG_VALUE_BYTES                                                                         \
	(CONFIG_CMDLINE_BYTES + 1) /* the longest value and one byte too many                      \
				    */

enum section {
	SECTION_NONE,
	SECTION_HOST,
	SECTION_VM,
	SECTION_NAMED, /* the section of a disk, a network, a channel, a service or a store */
	SECTION_UNKNOWN
};

#define SECTIONS_ALLOWED                                                                           \
	"[host], [channel NAME], [disk NAME], [net NAME], [service NAME], [store NAME] and "       \
	"[vm NAME]"

struct parser {
	struct config *config;
	config_report *report;
	void *context;
	/* the mistake being reported; its file and line are where the parser is now */
	struct config_problem problem;
	u32 problem_count;
	enum section section;
	u32 section_line;
	u32 vm_line[CONFIG_VM_MAX]; /* number of the line at which each VM's section begins */
	const char *line_start;
	struct vm_config vm; /* the VM of the section being read */
	/* the kind of the named section, if `section` is SECTION_NAMED */
	enum config_kind kind;
	/* the named section that is being read, if there is one; otherwise NULL */
	struct config_section *named;
	bool duplicate; /* the section being read has the name of an earlier one, and is not kept */
	/* there are too many mistakes, and the rest of the file is not read */
	bool full;
	char value[CONFIG_VALUE_BYTES];
};

void config_vm_init(struct vm_config *vm)
{
	*vm = (struct vm_config){
		.memory_bytes = 128 * MIB,
		.vcpus = 1,
		.weight = 256,
		.disk_weight = DISK_WEIGHT,
		.disk_undo_bytes = DISK_UNDO_DEFAULT,
		.net_weight = 256,
		.stop_timeout_ns = 30 * NS_PER_S,
	};
}

void config_init(struct config *config)
{
	config->vm_count = 0;
	config_sections_init();
	config_volumes_init();
	config->host = (struct host_config){
		.log = LOG_INFO,
		.log_segments = LOG_SEGMENTS_DEFAULT,
		.log_segment_bytes = LOG_SEGMENT_BYTES_DEFAULT,
		.log_rate = CONFIG_LOG_RATE,
	};
}

struct vm_config *config_find(struct config *config, const char *name)
{
	for (u32 i = 0; i < config->vm_count; i++) {
		if (string_equal(config->vm[i].name, name))
			return &config->vm[i];
	}
	return NULL;
}

bool config_name_valid(struct text name)
{
	if (name.length == 0 || name.length >= CONFIG_NAME_BYTES)
		return false;
	for (size_t i = 0; i < name.length; i++) {
		char c = name.start[i];

		if (!char_is_letter(c) && !char_is_digit(c) &&
		    (i == 0 || (c != '-' && c != '_' && c != '.')))
			return false;
	}
	return true;
}

/* Reports the problem in parser->problem.text at the character `at` of the line. */
static void config_tell(struct parser *parser, const char *at)
{
	parser->problem.column = (u32)(at - parser->line_start) + 1;
	parser->problem_count++;
	if (parser->section == SECTION_VM)
		parser->vm.broken = true;
	if (parser->named != NULL)
		parser->named->broken = true;
	parser->report(parser->context, &parser->problem);
}

#define REPORT(parser, at, ...)                                                                    \
	do {                                                                                       \
		format((parser)->problem.text, sizeof((parser)->problem.text), __VA_ARGS__);       \
		config_tell(parser, at);                                                           \
	} while (0)

static bool config_check_named(struct parser *parser)
{
	char *text = parser->problem.text;

	if (parser->kind == CONFIG_DISKS)
		return config_disk_check(CONTAINER_OF(parser->named, struct disk_config, section),
					 text, sizeof(parser->problem.text));
	if (parser->kind == CONFIG_NETS)
		return config_net_check(CONTAINER_OF(parser->named, struct net_config, section),
					text, sizeof(parser->problem.text));
	if (parser->kind == CONFIG_STORES)
		return config_store_check(CONTAINER_OF(parser->named, struct store_config, section),
					  text, sizeof(parser->problem.text));
	if (parser->kind == CONFIG_SERVICES)
		return config_service_check(
			CONTAINER_OF(parser->named, struct service_config, section), text,
			sizeof(parser->problem.text));
	return true;
}

/* Ends the section being read: only then all keys of a VM are known, and checked together. */
static void config_finish_section(struct parser *parser)
{
	struct config *config = parser->config;
	u32 line = parser->problem.line;

	if (parser->section == SECTION_VM && !parser->duplicate) {
		parser->problem.line = parser->section_line;
		if (!parser->vm.broken && !config_vm_check(&parser->vm, parser->problem.text,
							   sizeof(parser->problem.text)))
			config_tell(parser, parser->line_start);
		parser->vm_line[config->vm_count] = parser->section_line;
		config->vm[config->vm_count++] = parser->vm;
		parser->problem.line = line;
	}
	if (parser->named != NULL && !parser->named->broken) {
		parser->problem.line = parser->section_line;
		if (!config_check_named(parser))
			config_tell(parser, parser->line_start);
		parser->problem.line = line;
	}
	parser->section = SECTION_NONE;
	parser->named = NULL;
}

/* Checks the VMs once more with the networks whose sections stand behind theirs. */
static void config_finish(struct parser *parser)
{
	struct config *config = parser->config;

	for (u32 i = 0; i < config->vm_count; i++) {
		if (config->vm[i].broken ||
		    config_net_check_cards(&config->vm[i], parser->problem.text,
					   sizeof(parser->problem.text)))
			continue;
		parser->problem.line = parser->vm_line[i];
		config_tell(parser, parser->line_start);
		config->vm[i].broken = true;
	}
}

/* The kinds of named sections besides VMs: their word, their keys and how many there may be. */
static const struct {
	const char *word;
	const char *what;
	const struct config_key *keys;
	u32 maximum;
} kinds[] = {
	[CONFIG_DISKS] = {"disk", "disk", config_disk_keys, CONFIG_DISK_MAX},
	[CONFIG_NETS] = {"net", "network", config_net_keys, CONFIG_NET_MAX},
	[CONFIG_CHANNELS] = {"channel", "channel", config_channel_keys, CONFIG_CHANNEL_MAX},
	[CONFIG_SERVICES] = {"service", "service", config_service_keys, CONFIG_SERVICE_MAX},
	[CONFIG_STORES] = {"store", "store", config_store_keys, CONFIG_STORE_MAX},
};

static bool config_find_kind(struct text word, enum config_kind *kind)
{
	for (u32 i = 0; i < ARRAY_COUNT(kinds); i++) {
		*kind = (enum config_kind)i;
		if (text_equal(word, kinds[i].word))
			return true;
	}
	return false;
}

static void config_begin_named(struct parser *parser, enum config_kind kind, struct text name)
{
	const char *what = kinds[kind].what;
	struct config_section *named;
	char shown[40];

	if (!config_name_valid(name)) {
		REPORT(parser, name.start, "the name \"%s\" is not valid; use " CONFIG_NAME_ALLOWED,
		       text_show(shown, sizeof(shown), name));
		return;
	}
	named = config_section(kind, name);
	if (named == NULL) {
		REPORT(parser, name.start, "there is one %s too many; there can be at most %u",
		       what, kinds[kind].maximum);
		return;
	}
	if (named->declared) {
		REPORT(parser, name.start, "there is a second %s %s; give each its own name", what,
		       named->name);
		return;
	}
	named->declared = true;
	parser->named = named;
	parser->kind = kind;
	parser->section = SECTION_NAMED;
}

static void config_begin_vm(struct parser *parser, struct text name)
{
	char shown[40];

	parser->section = SECTION_VM;
	parser->duplicate = true;
	config_vm_init(&parser->vm);
	if (!config_name_valid(name)) {
		REPORT(parser, name.start, "the name \"%s\" is not valid; use " CONFIG_NAME_ALLOWED,
		       text_show(shown, sizeof(shown), name));
		return;
	}
	text_copy(parser->vm.name, sizeof(parser->vm.name), name);
	if (config_find(parser->config, parser->vm.name) != NULL)
		REPORT(parser, name.start, "there is a second VM %s; give each its own name",
		       parser->vm.name);
	else if (parser->config->vm_count == CONFIG_VM_MAX)
		REPORT(parser, name.start, "there is one VM too many; there can be at most %u",
		       CONFIG_VM_MAX);
	else
		parser->duplicate = false;
}

/* Begins a section: the keys that follow belong to this section. */
static void config_begin_section(struct parser *parser)
{
	config_finish_section(parser);
	parser->section_line = parser->problem.line;
	parser->section = SECTION_UNKNOWN;
}

static void config_parse_section(struct parser *parser, struct text line)
{
	enum config_kind kind;
	struct text rest;
	struct text word;
	char shown[40];

	config_begin_section(parser);
	if (line.start[line.length - 1] != ']') {
		REPORT(parser, line.start + line.length,
		       "the line ends before its bracket is closed; write ] at the end");
		return;
	}
	rest = text_trim((struct text){line.start + 1, line.length - 2});
	if (text_equal(rest, "host")) {
		parser->section = SECTION_HOST;
		return;
	}
	text_next_word(&rest, &word);
	if (text_equal(word, "vm"))
		config_begin_vm(parser, text_trim(rest));
	else if (config_find_kind(word, &kind))
		config_begin_named(parser, kind, text_trim(rest));
	else
		REPORT(parser, word.start,
		       "there is no section [%s]; the sections are " SECTIONS_ALLOWED,
		       text_show(shown, sizeof(shown), word));
}

/*
 * Returns whether the backslash at `i`, within quotes, stands for the quote or backslash behind it.
 */
static bool config_escapes(struct text text, size_t i)
{
	return text.start[i] == '\\' && i + 1 < text.length &&
	       (text.start[i + 1] == '"' || text.start[i + 1] == '\\');
}

/*
 * Takes the quotes off a value, and the backslashes before quotes and backslashes in it, into
 * `bytes` of CONFIG_VALUE_BYTES. Returns false if the quotes are not closed. A value that fills the
 * room is too long for any key.
 */
static bool config_unquote(struct text *value, char *bytes)
{
	bool closed = false;
	size_t length = 0;

	if (value->length == 0 || value->start[0] != '"')
		return true;
	for (size_t i = 1; i < value->length && length < CONFIG_VALUE_BYTES; i++) {
		closed = i + 1 == value->length && value->start[i] == '"';
		if (closed)
			break;
		i += config_escapes(*value, i);
		bytes[length++] = value->start[i];
	}
	*value = (struct text){bytes, length};
	return closed || length == CONFIG_VALUE_BYTES;
}

static bool config_set_key(struct parser *parser, struct text key, struct text value,
			   bool *in_value)
{
	const struct config_key *keys = config_vm_keys;
	void *target = &parser->vm;
	u64 *given = &parser->vm.given;

	if (parser->section == SECTION_HOST) {
		keys = config_host_keys;
		target = &parser->config->host;
		given = &parser->config->host.given;
	} else if (parser->section == SECTION_NAMED) {
		keys = kinds[parser->kind].keys;
		target = parser->named;
		given = &parser->named->given;
	}
	return config_set(keys, target, given, key, value, parser->problem.text,
			  sizeof(parser->problem.text), in_value);
}

static void config_parse_assignment(struct parser *parser, struct text line)
{
	struct text key = {line.start, 0};
	struct text value;
	const char *value_at;
	char shown[40];
	bool in_value;
	bool set;

	while (key.length < line.length && line.start[key.length] != '=')
		key.length++;
	if (key.length == line.length) {
		REPORT(parser, line.start,
		       "\"%s\" is neither a key nor a section; write key = value, or one "
		       "of " SECTIONS_ALLOWED,
		       text_show(shown, sizeof(shown), line));
		return;
	}
	value = text_trim((struct text){line.start + key.length + 1, line.length - key.length - 1});
	key = text_trim(key);
	if (parser->section == SECTION_UNKNOWN)
		return;
	if (parser->section == SECTION_NONE) {
		REPORT(parser, line.start,
		       "this key stands before any section; begin with one of " SECTIONS_ALLOWED);
		return;
	}
	value_at = value.start;
	if (!config_unquote(&value, parser->value)) {
		REPORT(parser, value_at, "a quote is not closed; write \"...\"");
		return;
	}
	set = config_set_key(parser, key, value, &in_value);
	if (!set)
		config_tell(parser, in_value ? value_at : key.start);
}

/* Cuts off a comment: '#' at the start or behind a space, outside double quotes. */
static struct text config_cut_comment(struct text line)
{
	bool quoted = false;

	for (size_t i = 0; i < line.length; i++) {
		if (quoted && config_escapes(line, i))
			i++;
		else if (line.start[i] == '"')
			quoted = !quoted;
		if (line.start[i] == '#' && !quoted && (i == 0 || char_is_space(line.start[i - 1])))
			return (struct text){line.start, i};
	}
	return line;
}

/*
 * Returns whether the first letters of a line, a section's name left out, are `password`: its
 * writer wants a lock, whatever else is wrong with this line or with lines before it.
 */
static bool config_names_password(struct text line)
{
	const char *word = "password";
	size_t i = 0;

	while (line.length > 0 && line.start[0] == '[' && i < line.length && line.start[i] != ']')
		i++;
	for (; i < line.length && *word != '\0'; i++) {
		if (char_is_letter(line.start[i]) && (line.start[i] | 0x20) != *word++)
			return false;
	}
	return *word == '\0';
}

/*
 * Returns whether a line with bytes that are not text is a heading, perhaps behind a byte order
 * mark.
 */
static bool config_is_heading(struct text line)
{
	size_t i = 0;

	while (i < line.length && !char_is_printable(line.start[i]))
		i++;
	return i < line.length && line.start[i] == '[';
}

static void config_parse_line(struct parser *parser, struct text line)
{
	parser->line_start = line.start;
	line = text_trim(config_cut_comment(line));
	if (config_names_password(line))
		parser->config->host.password_asked = true;
	if (parser->full)
		return;
	for (size_t i = 0; i < line.length; i++) {
		if (!char_is_printable(line.start[i]) && line.start[i] != '\t') {
			if (config_is_heading(line))
				config_begin_section(parser);
			REPORT(parser, line.start + i,
			       "the byte 0x%02x is no ASCII text; leave it out", (u8)line.start[i]);
			return;
		}
	}
	if (line.length == 0)
		return;
	if (line.start[0] == '[')
		config_parse_section(parser, line);
	else
		config_parse_assignment(parser, line);
}

u32 config_parse(struct config *config, const char *file, struct text text,
		 config_report *report_problem, void *context)
{
	/* static, as a parser is too large for a small stack; one file is read at a time */
	static struct parser parser;
	const char *end = text.start + text.length;
	const char *start = text.start;

	parser = (struct parser){
		.config = config,
		.report = report_problem,
		.context = context,
		.problem.file = file,
		.line_start = start,
	};
	while (start < end) {
		struct text line = {start, 0};

		while (line.start + line.length < end && line.start[line.length] != '\n')
			line.length++;
		parser.problem.line++;
		config_parse_line(&parser, line);
		if (parser.problem_count >= CONFIG_PROBLEMS_MAX && !parser.full) {
			REPORT(&parser, parser.line_start,
			       "there are too many mistakes; the rest is not read");
			parser.full = true;
		}
		start = line.start + line.length;
		if (start < end)
			start++;
	}
	parser.line_start = start;
	config_finish_section(&parser);
	config_finish(&parser);
	return parser.problem_count;
}

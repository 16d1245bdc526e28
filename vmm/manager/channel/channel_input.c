/* SPDX-License-Identifier: MIT */
/*
 * Collects and runs the lines that come in on a machine channel. Called by machine_channel.c. Owns
 * the channel's input line; answers through channel_answer.c and runs commands.
 */
#include "vmm/manager/channel/channel_state.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/crypto/secret.h"
#include "vmm/rt/format.h"

/*
 * The request being read; it is static, as it is too large for the stack, and needed only until the
 * request has begun.
 */
static struct request request;

/* Answers the request with an error; `position` is the mistake's byte in the line, or NULL. */
static void channel_input_refuse(struct machine_channel *channel, enum reply_code code,
				 const char *problem, const u32 *position)
{
	static struct channel_slot slot; /* static, as a slot is too large for the stack */

	slot.channel = channel;
	channel_answer_begin(&slot, &request);
	channel_answer_error(&slot, code, text_of(problem), position);
	channel_answer_end(&slot);
}

/* Answers a line that is no request with an error, and ignores the rest of that line. */
static void channel_input_refuse_line(struct machine_channel *channel, const char *problem,
				      u32 position)
{
	request.id = TEXT("null");
	request.actor[0] = '\0';
	channel_input_refuse(channel, CODE_BAD_REQUEST, problem, &position);
	channel->input.ignored = true;
}

/* Does one step of checking the password of an `auth`; returns whether the check is complete. */
static bool channel_input_check_password(struct reply *reply)
{
	switch (login_step(reply->to->login)) {
	case LOGIN_CHECKING:
		return false;
	case LOGIN_WRONG:
		reply_fail(reply, CODE_WRONG_PASSWORD, "auth: wrong password");
		break;
	case LOGIN_RIGHT:
		break;
	}
	return true;
}

static void channel_input_run_auth(struct reply *reply)
{
	struct login *login = reply->to->login;
	u64 wait_ns = login_wait_ns(login);

	if (wait_ns != 0) {
		reply_fail(reply, CODE_WRONG_PASSWORD,
			   "auth: there were too many wrong passwords; try again in %llu s",
			   (unsigned long long)((wait_ns + NS_PER_S - 1) / NS_PER_S));
	} else if (!login_possible()) {
		reply_fail(reply, CODE_LOCKED,
			   "auth: the password in the configuration cannot be read: locked until "
			   "the host starts with one that can");
	} else {
		login_try(login, (struct text){request.password, request.password_length});
		reply->resume = channel_input_check_password;
		/* the check continues in the next turn of the event loop */
		reply->deadline_tsc = clock_tsc();
	}
	secret_forget(request.password, sizeof(request.password));
}

/* Runs a command; only `user-data` takes data, which is a secret. */
static void channel_input_run_command(struct channel_slot *slot)
{
	struct machine_channel *channel = slot->channel;

	if (request.data != NULL && !string_equal(request.command, "user-data")) {
		reply_bad(&slot->reply, "data: this command takes none; leave it out");
		return;
	}
	channel->piece.bytes = request.bytes != ~0ull ? request.data : NULL;
	channel->piece.count = request.bytes;
	if (request.argument_count == 0)
		command_run(&slot->reply, request.command);
	else
		command_run_words(&slot->reply, request.command, request.argument,
				  request.argument_count);
	channel->piece.bytes = NULL;
	if (request.data != NULL)
		secret_forget(request.decoded, sizeof(request.decoded));
}

static void channel_input_run_request(struct channel_slot *slot)
{
	struct reply *reply = &slot->reply;

	if (request.kind == REQUEST_AUTH)
		channel_input_run_auth(reply);
	else if (request.kind == REQUEST_HELLO)
		channel_hello(slot, &request);
	else if (!slot->channel->login.open)
		reply_fail(reply, CODE_LOCKED,
			   "the channel is locked; unlock it by {\"id\":1,\"auth\":\"PASSWORD\"}");
	else
		channel_input_run_command(slot);
}

static void channel_input_start(struct channel_slot *slot)
{
	channel_answer_begin(slot, &request);
	channel_input_run_request(slot);
	if (slot->reply.resume == NULL) {
		channel_answer_end(slot);
		return;
	}
	channel_answer_keep_id(slot);
	channel_answer_park(slot);
}

/* Starts a request with "order":"any" in a slot of its own, beside the requests under way. */
static void channel_input_start_any(struct machine_channel *channel)
{
	if (request.id.length > CHANNEL_ID_BYTES) {
		request.id = TEXT("null");
		channel_input_refuse(
			channel, CODE_BAD_REQUEST,
			"the id is too long; with \"order\":\"any\" use at most 64 bytes", NULL);
		return;
	}
	for (u32 i = 1; i < ARRAY_COUNT(channel->slot); i++) {
		if (!channel->slot[i].open) {
			channel_input_start(&channel->slot[i]);
			return;
		}
	}
	channel_input_refuse(channel, CODE_BUSY,
			     "there are too many requests under way; with \"order\":\"any\" send "
			     "at most 8 at a time",
			     NULL);
}

/*
 * Runs the received line. Returns false if the line has to wait until the request before it has
 * ended.
 */
static bool channel_input_run_line(struct machine_channel *channel)
{
	struct text line = {channel->input.bytes, channel->input.length};
	bool good;

	if (text_trim(line).length == 0)
		return true;
	good = request_parse(line, &request);
	if (request.kind >= REQUEST_CREDIT) {
		channel_stream_take(channel, &request);
		return true;
	}
	if (good && request.any_order) {
		channel_input_start_any(channel);
		return true;
	}
	if (channel->slot[0].open)
		return false;
	if (!good)
		channel_input_refuse(channel, CODE_BAD_REQUEST, request.problem, &request.position);
	else
		channel_input_start(&channel->slot[0]);
	return true;
}

/*
 * Runs a line that was received as a whole, or lets it wait; returns whether the line was used up.
 */
static bool channel_input_end_line(struct machine_channel *channel)
{
	if (!channel->input.ignored) {
		channel->input.whole = !channel_input_run_line(channel);
		if (channel->input.whole)
			return false;
	}
	/* the line may have been a password */
	secret_forget(channel->input.bytes, channel->input.length);
	channel->input.length = 0;
	channel->input.ignored = false;
	return true;
}

/* Reports to the client that bytes of the line being received, or of the next one, were lost. */
static void channel_input_damaged(struct machine_channel *channel, u64 lost)
{
	char problem[96];
	u32 position = channel->input.length;

	format(problem, sizeof(problem),
	       "%llu bytes of input were lost here; send no more than the port carries",
	       (unsigned long long)(lost - channel->input.lost));
	channel->input.lost = lost;
	channel_input_refuse_line(channel, problem, position);
}

/*
 * Returns whether the next byte of input can be taken: it may end a line, which may have to be
 * answered at once.
 */
static bool channel_input_can_take(const struct machine_channel *channel)
{
	bool full = channel->input.length == REQUEST_BYTES && !channel->input.ignored;

	return channel->holder == NULL && !(full && channel->slot[0].open) &&
	       channel_output_room(&channel->output) >= CHANNEL_REQUEST_ROOM;
}

bool channel_input_step(struct machine_channel *channel)
{
	u8 byte;
	u64 lost;

	if (channel->input.whole)
		return channel_input_can_take(channel) && channel_input_end_line(channel);
	while (channel_input_can_take(channel)) {
		if (channel->transport.receive(channel->transport.context, &byte, &lost) == 0)
			return false;
		if (lost != channel->input.lost)
			channel_input_damaged(channel, lost);
		if (byte == '\n')
			return channel_input_end_line(channel);
		if (channel->input.ignored)
			continue;
		if (channel->input.length == REQUEST_BYTES)
			channel_input_refuse_line(channel,
						  "the line is too long; use at most 8192 bytes",
						  REQUEST_BYTES);
		else
			channel->input.bytes[channel->input.length++] = (char)byte;
	}
	return false;
}

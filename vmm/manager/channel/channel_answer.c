/* SPDX-License-Identifier: MIT */
/*
 * Keeps the requests under way on a machine channel and writes their answers. Called by
 * channel_input.c and machine_channel.c. Owns the channel's slots and which slot holds its output
 * line; runs commands through vmm/manager/command.
 */
#include "vmm/manager/channel/channel_state.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/vm/vm_life.h"
#include "vmm/rt/format.h"

#define STREAM_BYTES (CHANNEL_OUTPUT_BYTES / 2) /* an answer longer than this is sent in pieces */
#define CLOSING_ROOM (2 * REQUEST_BYTES)	/* output bytes reserved for the end of an answer */

/*
 * Writes the beginning of the slot's answer, once the command has a result: until then other lines
 * of the channel can be sent first.
 */
static bool channel_answer_add_header(struct channel_slot *slot)
{
	struct channel_output *output = &slot->channel->output;

	return channel_output_string(output, "{\"id\":") && channel_output_add(output, slot->id) &&
	       channel_output_string(output, ",\"status\":\"ok\",\"result\":[");
}

/* Adds to the error the VM's states in which the refused action would be allowed. */
static void channel_answer_add_allowed_states(struct channel_slot *slot)
{
	struct channel_output *output = &slot->channel->output;
	bool more = false;

	if (slot->reply.code != CODE_BAD_STATE || slot->reply.refused == 0)
		return;
	channel_output_string(output, ",\"allowed_states\":[");
	for (u32 state = 0; state < VM_STATE_COUNT; state++) {
		if (vm_life(state, slot->reply.refused - 1u).effect == EFFECT_REFUSED)
			continue;
		channel_output_string(output, more ? "," : "");
		channel_output_quoted(output, text_of(vm_life_state_name(state)));
		more = true;
	}
	channel_output_string(output, "]");
}

/*
 * Writes an error in place of the slot's answer if none of the answer was sent yet, otherwise at
 * the answer's end.
 */
void channel_answer_error(struct channel_slot *slot, enum reply_code code, struct text problem,
			  const u32 *position)
{
	struct channel_output *output = &slot->channel->output;
	char number[32] = "";

	if (slot->failed)
		return;
	slot->failed = true;
	if (slot->streamed) {
		channel_output_string(output, "],\"incomplete\":true");
	} else {
		output->written = slot->start;
		channel_output_string(output, "{\"id\":");
		channel_output_add(output, slot->id);
		channel_output_string(output, ",\"status\":\"error\"");
	}
	channel_output_string(output, ",\"code\":\"");
	channel_output_string(output, reply_code_name(code));
	channel_output_string(output, "\",\"error\":");
	channel_output_quoted(output, problem);
	if (position != NULL)
		format(number, sizeof(number), ",\"position\":%u", *position);
	channel_output_string(output, number);
	channel_answer_add_allowed_states(slot);
	channel_output_string(output, "}\n");
}

static void channel_answer_put_reply(void *context, enum reply_kind kind, struct text text)
{
	struct channel_slot *slot = context;
	struct channel_output *output = &slot->channel->output;
	u32 before = output->written;
	bool fits;

	if (slot->failed)
		return;
	if (kind == REPLY_ERROR) {
		channel_answer_error(slot, (enum reply_code)slot->reply.code, text, NULL);
		return;
	}
	fits = slot->items == 0 ? channel_answer_add_header(slot)
				: channel_output_string(output, ",");
	slot->items++;
	fits = fits && (kind == REPLY_OBJECT ? channel_output_add(output, text)
					     : channel_output_quoted(output, text));
	if (fits && channel_output_room(output) >= CLOSING_ROOM)
		return;
	output->written = before;
	channel_answer_error(slot, CODE_FAILED,
			     TEXT("the answer is too long for the machine channel"), NULL);
}

static u32 channel_answer_room_left(void *context)
{
	const struct channel_slot *slot = context;
	u32 room = channel_output_room(&slot->channel->output);

	return room > CLOSING_ROOM ? room - CLOSING_ROOM : 0;
}

/*
 * Writes into the slot the asker's name for audit lines. The actor in a client's request is only
 * the client's claim.
 */
static void channel_answer_name_actor(struct channel_slot *slot, const struct request *request)
{
	if (request->actor[0] == '\0')
		string_copy(slot->actor, sizeof(slot->actor), slot->channel->login.name);
	else
		format(slot->actor, sizeof(slot->actor), "%s for \"%s\"", slot->channel->login.name,
		       request->actor);
}

void channel_answer_begin(struct channel_slot *slot, const struct request *request)
{
	struct machine_channel *channel = slot->channel;

	slot->id = request->id;
	slot->open = true;
	slot->failed = false;
	slot->streamed = false;
	slot->items = 0;
	slot->held_bytes = 0;
	slot->start = channel->output.written;
	channel->holder = slot;
	channel_answer_name_actor(slot, request);
	slot->requester = (struct requester){
		.put = channel_answer_put_reply,
		.room = channel_answer_room_left,
		.context = slot,
		.login = &channel->login,
		.name = slot->actor,
		.rights = channel->rights,
		.channel = channel,
	};
	memset(&slot->reply, 0, sizeof(slot->reply));
	slot->reply.to = &slot->requester;
	slot->reply.json = true;
}

void channel_answer_keep_id(struct channel_slot *slot)
{
	bool ordered = slot == &slot->channel->slot[0];
	char *id = ordered ? slot->channel->id_bytes : slot->id_bytes;

	memcpy(id, slot->id.start, slot->id.length);
	slot->id.start = id;
}

void channel_answer_end(struct channel_slot *slot)
{
	struct channel_output *output = &slot->channel->output;

	if (!slot->failed && slot->items == 0)
		channel_answer_add_header(slot);
	if (!slot->failed)
		channel_output_string(output, "]}\n");
	slot->open = false;
	slot->channel->holder = NULL;
	output->ready = output->written;
}

void channel_answer_park(struct channel_slot *slot)
{
	struct channel_output *output = &slot->channel->output;
	u32 bytes = output->written - slot->start;

	if (bytes > STREAM_BYTES)
		slot->streamed = true;
	if (slot->streamed)
		output->ready = output->written;
	if (slot->streamed || bytes > CHANNEL_HELD_BYTES)
		return;
	channel_output_cut(output, slot->start, slot->held);
	slot->held_bytes = bytes;
	slot->channel->holder = NULL;
}

void channel_answers_abandon(struct machine_channel *channel, const struct channel_slot *but)
{
	if (channel->holder != but)
		channel->holder = NULL;
	for (u32 i = 0; i < ARRAY_COUNT(channel->slot); i++) {
		if (&channel->slot[i] == but)
			continue;
		channel->slot[i].failed = true;
		channel->slot[i].streamed = false;
		channel->slot[i].held_bytes = 0;
	}
}

/*
 * Returns whether the slot holds the output line. A free line is taken, and the slot's parked
 * answer goes back into the output.
 */
static bool channel_answer_take_line(struct channel_slot *slot)
{
	struct machine_channel *channel = slot->channel;

	if (channel->holder == slot)
		return true;
	if (channel->holder != NULL || channel_output_room(&channel->output) < CHANNEL_REQUEST_ROOM)
		return false;
	channel->holder = slot;
	slot->start = channel->output.written;
	channel_output_add(&channel->output, (struct text){slot->held, slot->held_bytes});
	return true;
}

/*
 * Resumes the command of the slot's request. A long answer is sent while the command still adds to
 * it.
 */
static bool channel_answer_step_slot(struct channel_slot *slot)
{
	bool done;

	if (!slot->open || !channel_answer_take_line(slot))
		return false;
	done = command_resume(&slot->reply);
	if (done)
		channel_answer_end(slot);
	else
		channel_answer_park(slot);
	return done;
}

bool channel_answers_step(struct machine_channel *channel)
{
	bool ended = false;

	for (u32 i = 0; i < ARRAY_COUNT(channel->slot); i++)
		ended |= channel_answer_step_slot(&channel->slot[i]);
	return ended;
}

u64 channel_answers_deadline(const struct machine_channel *channel)
{
	bool room = channel_output_room(&channel->output) >= CHANNEL_REQUEST_ROOM;
	u64 deadline = ~0ull;

	for (u32 i = 0; i < ARRAY_COUNT(channel->slot); i++) {
		const struct channel_slot *slot = &channel->slot[i];

		/*
		 * While a slot's answer holds the output line, only that slot's command continues;
		 * otherwise every command continues for which the output has room.
		 */
		if (slot->open && slot->reply.deadline_tsc != 0 &&
		    (channel->holder == slot || (channel->holder == NULL && room)))
			deadline = MIN(deadline, slot->reply.deadline_tsc);
	}
	return deadline;
}

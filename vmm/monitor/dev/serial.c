/* SPDX-License-Identifier: MIT */
/*
 * A 16550A serial port, the guest's console. Attached by platform.c; console.c gives it input and
 * takes its output. Owns its registers and FIFO, and raises its interrupt line.
 */
#include "vmm/monitor/dev/serial.h"
#include "lib/bits.h"
#include "lib/checked.h"
#include "vmm/monitor/platform/platform_add.h"
#include "vmm/monitor/irqchip/irqchip.h"

#define LSR_ERRORS (UART_LSR_OVERRUN | UART_LSR_PARITY | UART_LSR_FRAMING | UART_LSR_BREAK)
#define MSR_DELTAS 0x0fu

static bool serial_fifo_on(const struct serial_state *state)
{
	return state->fcr & UART_FCR_ENABLE;
}

static u32 serial_rx_capacity(const struct serial_state *state)
{
	return serial_fifo_on(state) ? UART_FIFO_BYTES : 1;
}

static u32 serial_rx_trigger(const struct serial_state *state)
{
	static const u8 level[4] = {1, 4, 8, 14};

	return serial_fifo_on(state) ? level[state->fcr >> 6] : 1;
}

/* Returns the pending interrupt of highest priority as IIR shows it (PC16550D, table IV). */
static u8 serial_interrupt_id(const struct serial_state *state)
{
	if ((state->ier & UART_IER_LINE_STATUS) && (state->lsr & LSR_ERRORS))
		return UART_IIR_LINE_STATUS;
	if (state->ier & UART_IER_RECEIVED) {
		if (state->rx_count >= serial_rx_trigger(state))
			return UART_IIR_RECEIVED;
		if (state->timed_out)
			return UART_IIR_TIMEOUT;
	}
	if ((state->ier & UART_IER_THR_EMPTY) && state->thr_pending)
		return UART_IIR_THR_EMPTY;
	if ((state->ier & UART_IER_MODEM_STATUS) && (state->msr & MSR_DELTAS))
		return UART_IIR_MODEM_STATUS;
	return UART_IIR_NONE;
}

static void serial_update(struct serial *serial)
{
	struct serial_state *state = &serial->state;

	irqchip_set_line(serial->device.irqchip, serial->irq,
			 serial_interrupt_id(state) != UART_IIR_NONE);
	device_set_deadline(&serial->device,
			    state->ier & UART_IER_RECEIVED ? state->timeout_ns : DEADLINE_NONE);
}

/*
 * Returns the time, in ns, that four characters take at the set speed: start bit, 5 to 8 data bits,
 * parity, stop.
 */
static u64 serial_timeout_length_ns(const struct serial_state *state)
{
	u32 bits = 7u + (state->lcr & 3) + (state->lcr & UART_LCR_PARITY ? 1 : 0) +
		   (state->lcr & UART_LCR_STOP ? 1 : 0);

	return mul_div(4ull * bits * MAX(state->divisor, 1) * 16, NS_PER_S, UART_CLOCK_HZ);
}

/* Restarts the FIFO's character timeout, as each received or read byte does (PC16550D, 8.4.1). */
static void serial_restart_timeout(struct serial *serial)
{
	struct serial_state *state = &serial->state;

	state->timed_out = 0;
	state->timeout_ns = DEADLINE_NONE;
	if (serial_fifo_on(state) && state->rx_count > 0)
		state->timeout_ns =
			device_now_ns(&serial->device) + serial_timeout_length_ns(state);
}

static void serial_receive(struct serial *serial, u8 byte)
{
	struct serial_state *state = &serial->state;

	if (state->rx_count >= serial_rx_capacity(state)) {
		state->lsr |= UART_LSR_OVERRUN;
		/* a full receive buffer is overwritten, a full FIFO is not */
		if (!serial_fifo_on(state))
			state->rx[state->rx_first] = byte;
		return;
	}
	state->rx[(state->rx_first + state->rx_count) % UART_FIFO_BYTES] = byte;
	state->rx_count++;
	serial_restart_timeout(serial);
}

u32 serial_input_space(const struct serial *serial)
{
	if (serial->state.mcr & UART_MCR_LOOP)
		return 0;
	return serial_rx_capacity(&serial->state) - serial->state.rx_count;
}

bool serial_input(struct serial *serial, u8 byte)
{
	if (serial_input_space(serial) == 0)
		return false;
	serial_receive(serial, byte);
	serial_update(serial);
	return true;
}

/*
 * Returns whether the FIFO's character timeout has passed; reads the time only if there is a
 * timeout.
 */
static bool serial_is_late(const struct serial *serial)
{
	u64 timeout_ns = serial->state.timeout_ns;

	return timeout_ns != DEADLINE_NONE && device_now_ns(&serial->device) >= timeout_ns;
}

static void serial_tick(struct device *device)
{
	struct serial *serial = CONTAINER_OF(device, struct serial, device);
	struct serial_state *state = &serial->state;

	if (serial_is_late(serial)) {
		state->timeout_ns = DEADLINE_NONE;
		state->timed_out = 1;
	}
	serial_update(serial);
}

/*
 * Raises the interrupt of a character timeout that has passed, so that the following access sees
 * it.
 */
static void serial_catch_up(struct serial *serial)
{
	if (unlikely(serial_is_late(serial)))
		serial_tick(&serial->device);
}

static void serial_transmit(struct serial *serial, u8 byte)
{
	struct serial_state *state = &serial->state;

	/*
	 * The interrupt line falls and rises again, so that edge-triggered controllers see the next
	 * interrupt.
	 */
	state->thr_pending = 0;
	serial_update(serial);
	if (state->mcr & UART_MCR_LOOP)
		serial_receive(serial, byte);
	else
		serial->put(serial->context, byte);
	state->thr_pending = 1;
}

/*
 * Sets the modem status: that of an always present peer, or in loopback the port's own DTR, RTS,
 * OUT1 and OUT2.
 */
static void serial_update_modem_status(struct serial_state *state)
{
	u8 now = UART_MSR_CTS | UART_MSR_DSR | UART_MSR_DCD;
	u8 changed;

	if (state->mcr & UART_MCR_LOOP)
		now = (u8)((state->mcr & UART_MCR_RTS ? UART_MSR_CTS : 0) |
			   (state->mcr & UART_MCR_DTR ? UART_MSR_DSR : 0) |
			   (state->mcr & UART_MCR_OUT1 ? UART_MSR_RI : 0) |
			   (state->mcr & UART_MCR_OUT2 ? UART_MSR_DCD : 0));
	changed = now ^ (state->msr & 0xf0);
	/* TERI reports only that RI has ended. */
	if (now & UART_MSR_RI)
		changed &= (u8)~UART_MSR_RI;
	state->msr = (u8)(now | (state->msr & MSR_DELTAS) | changed >> 4);
}

static void serial_clear_receiver(struct serial *serial)
{
	serial->state.rx_count = 0;
	serial->device.events->pending |= MACHINE_ROOM;
	serial_restart_timeout(serial);
}

static void serial_write_fcr(struct serial *serial, u8 value)
{
	struct serial_state *state = &serial->state;
	bool toggled = (value ^ state->fcr) & UART_FCR_ENABLE;

	/* without this bit the other bits of the FIFO control register cannot be set */
	if (!(value & UART_FCR_ENABLE))
		value = 0;
	state->fcr = value & (UART_FCR_ENABLE | UART_FCR_TRIGGER_14);
	if (toggled || (value & UART_FCR_CLEAR_RECEIVE))
		serial_clear_receiver(serial);
}

static void serial_write_ier(struct serial_state *state, u8 value)
{
	/*
	 * Enabling the interrupt for an empty transmit register (THR) raises it at once if THR is
	 * empty, as here it always is.
	 */
	if ((value & UART_IER_THR_EMPTY) && !(state->ier & UART_IER_THR_EMPTY))
		state->thr_pending = 1;
	state->ier = value & UART_IER_MASK;
}

static void serial_write(struct device *device, u32 region, u64 offset, u32 size, u64 value)
{
	struct serial *serial = CONTAINER_OF(device, struct serial, device);
	struct serial_state *state = &serial->state;
	bool dlab = state->lcr & UART_LCR_DLAB;
	u8 byte = (u8)value;

	(void)region, (void)size;
	serial_catch_up(serial);
	switch (offset) {
	case UART_THR:
		if (dlab)
			state->divisor = (u16)((state->divisor & 0xff00) | byte);
		else
			serial_transmit(serial, byte);
		break;
	case UART_IER:
		if (dlab)
			state->divisor = (u16)((state->divisor & 0x00ff) | byte << 8);
		else
			serial_write_ier(state, byte);
		break;
	case UART_FCR:
		serial_write_fcr(serial, byte);
		break;
	case UART_LCR:
		state->lcr = byte;
		break;
	case UART_MCR:
		state->mcr = byte & UART_MCR_MASK;
		serial_update_modem_status(state);
		break;
	case UART_SCR:
		state->scr = byte;
		return;
	default: /* LSR and MSR are read-only */
		break;
	}
	serial_update(serial);
}

static u8 serial_read_receiver(struct serial *serial)
{
	struct serial_state *state = &serial->state;
	u8 byte = state->rx[state->rx_first];

	if (state->rx_count > 0) {
		state->rx_first = (state->rx_first + 1) % UART_FIFO_BYTES;
		state->rx_count--;
		serial->device.events->pending |= MACHINE_ROOM;
		serial_restart_timeout(serial);
	}
	return byte;
}

static u8 serial_read_iir(struct serial_state *state)
{
	u8 id = serial_interrupt_id(state);

	if (id == UART_IIR_THR_EMPTY)
		state->thr_pending = 0;
	return id | (serial_fifo_on(state) ? UART_IIR_FIFO : 0);
}

static u8 serial_read_lsr(struct serial_state *state)
{
	u8 value = state->lsr | UART_LSR_THR_EMPTY | UART_LSR_IDLE;

	if (state->rx_count > 0)
		value |= UART_LSR_DATA_READY;
	state->lsr = 0;
	return value;
}

/* Reads a register. The interrupt line is set anew only if the read has an effect. */
static u64 serial_read(struct device *device, u32 region, u64 offset, u32 size)
{
	struct serial *serial = CONTAINER_OF(device, struct serial, device);
	struct serial_state *state = &serial->state;
	bool dlab = state->lcr & UART_LCR_DLAB;
	u8 value;

	(void)region, (void)size;
	serial_catch_up(serial);
	switch (offset) {
	case UART_RBR:
		value = dlab ? (u8)state->divisor : serial_read_receiver(serial);
		break;
	case UART_IER:
		return dlab ? (u8)(state->divisor >> 8) : state->ier;
	case UART_IIR:
		value = serial_read_iir(state);
		break;
	case UART_LCR:
		return state->lcr;
	case UART_MCR:
		return state->mcr;
	case UART_LSR:
		if ((state->lsr & LSR_ERRORS) == 0)
			return serial_read_lsr(state);
		value = serial_read_lsr(state);
		break;
	case UART_MSR:
		value = state->msr;
		state->msr &= (u8)~MSR_DELTAS;
		break;
	default:
		return state->scr;
	}
	serial_update(serial);
	return value;
}

static void serial_reset(struct device *device)
{
	struct serial *serial = CONTAINER_OF(device, struct serial, device);

	serial->state = (struct serial_state){
		.timeout_ns = DEADLINE_NONE,
		.divisor = UART_DIVISOR_115200,
		.msr = UART_MSR_CTS | UART_MSR_DSR | UART_MSR_DCD,
	};
	serial_update(serial);
}

static bool serial_valid(const void *bytes)
{
	const struct serial_state *state = bytes;

	return state->rx_first < UART_FIFO_BYTES && state->rx_count <= serial_rx_capacity(state) &&
	       !(state->ier & ~UART_IER_MASK) && !(state->mcr & ~UART_MCR_MASK) &&
	       state->thr_pending <= 1 && state->timed_out <= 1;
}

static const struct device_region serial_regions[] = {
	{DEVICE_PORTS, UART_COM1, UART_PORT_COUNT},
};

static const struct device_ops serial_ops = {
	.widest = 1,
	.read = serial_read,
	.write = serial_write,
	.reset = serial_reset,
	.tick = serial_tick,
	.valid = serial_valid,
};

enum status serial_attach(struct platform *platform, const struct platform_config *config)
{
	struct serial *serial = platform_take(platform, sizeof(*serial));

	if (serial == NULL)
		return STATUS_NO_MEMORY;
	serial->irq = UART_COM1_IRQ;
	serial->put = config->serial_put;
	serial->context = config->serial_context;
	serial->device = (struct device){
		.name = "serial",
		.ops = &serial_ops,
		.regions = serial_regions,
		.region_count = ARRAY_COUNT(serial_regions),
		.state = &serial->state,
		.state_bytes = sizeof(serial->state),
		.kind = STATE_SERIAL,
		.version = 1,
	};
	platform->serial = serial;
	return platform_add(platform, &serial->device);
}

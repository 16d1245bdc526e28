/* SPDX-License-Identifier: MIT */
/*
 * Names a vCPU's registers and modes. Called by the commands that show registers. Holds no state.
 */
#include "vmm/manager/inspect/cpu_state.h"
#include "arch/x86_64/hw/control.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"

/* Bits of CR0 (SDM vol. 3, 2.5) */
const struct bit_name cr0_bits[] = {
	{31, "PG", "paging"},
	{30, "CD", "cache disable"},
	{29, "NW", "not write-through"},
	{18, "AM", "alignment checks by RFLAGS.AC"},
	{16, "WP", "write protection binds ring 0 too"},
	{5, "NE", "x87 errors by #MF"},
	{4, "ET", "x87 is a 387"},
	{3, "TS", "task switched: x87 and SSE raise #NM"},
	{2, "EM", "no x87: it raises #NM"},
	{1, "MP", "WAIT obeys TS"},
	{0, "PE", "protected mode"},
	{0, "", NULL},
};

const struct bit_name cr4_bits[] = {
	{24, "PKS", "protection keys for ring-0 pages"},
	{23, "CET", "control-flow enforcement"},
	{22, "PKE", "protection keys for user pages"},
	{21, "SMAP", "ring 0 kept from user data"},
	{20, "SMEP", "ring 0 kept from user code"},
	{18, "OSXSAVE", "XSAVE and XCR0"},
	{17, "PCIDE", "process-context identifiers"},
	{16, "FSGSBASE", "RDFSBASE and its kin"},
	{14, "SMXE", "safer mode (GETSEC)"},
	{13, "VMXE", "VMX"},
	{12, "LA57", "5-level paging"},
	{11, "UMIP", "SGDT, SIDT, SLDT, SMSW, STR in ring 0 only"},
	{10, "OSXMMEXCPT", "SSE errors by #XM"},
	{9, "OSFXSR", "SSE, FXSAVE and FXRSTOR"},
	{8, "PCE", "RDPMC in every ring"},
	{7, "PGE", "global pages"},
	{6, "MCE", "machine checks"},
	{5, "PAE", "64-bit page-table entries"},
	{4, "PSE", "4-MiB pages"},
	{3, "DE", "I/O breakpoints"},
	{2, "TSD", "RDTSC in ring 0 only"},
	{1, "PVI", "virtual interrupts in protected mode"},
	{0, "VME", "virtual interrupts in virtual-8086 mode"},
	{0, "", NULL},
};

const struct bit_name efer_bits[] = {
	{15, "TCE", "translation cache extension"},
	{14, "FFXSR", "fast FXSAVE and FXRSTOR"},
	{13, "LMSLE", "segment limits in long mode"},
	{12, "SVME", "SVM"},
	{11, "NXE", "no-execute pages"},
	{10, "LMA", "long mode active"},
	{8, "LME", "long mode enabled"},
	{0, "SCE", "SYSCALL and SYSRET"},
	{0, "", NULL},
};

const struct bit_name rflags_bits[] = {
	{21, "ID", ""}, {20, "VIP", ""}, {19, "VIF", ""}, {18, "AC", ""}, {17, "VM", ""},
	{16, "RF", ""}, {14, "NT", ""},	 {11, "OF", ""},  {10, "DF", ""}, {9, "IF", ""},
	{8, "TF", ""},	{7, "SF", ""},	 {6, "ZF", ""},	  {4, "AF", ""},  {2, "PF", ""},
	{0, "CF", ""},	{0, "", NULL},
};

const char *cpu_state_bits_text(const struct bit_name *names, u64 value, char *buffer, size_t size)
{
	size_t length = 0;

	buffer[0] = '\0';
	for (; names->name[0] != '\0'; names++) {
		if ((value & BIT(names->bit)) != 0 && length < size)
			length += format(buffer + length, size - length, "%s%s",
					 length > 0 ? " " : "", names->name);
		value &= ~BIT(names->bit);
	}
	for (; value != 0 && length < size; value &= value - 1)
		length += format(buffer + length, size - length, "%sbit%u", length > 0 ? " " : "",
				 (u32)__builtin_ctzll(value));
	return buffer;
}

void cpu_state_bits_json(struct json *json, const char *key, const struct bit_name *names,
			 u64 value)
{
	json_object_begin(json, key);
	for (; names->name[0] != '\0'; names++)
		json_bool(json, names->name, (value & BIT(names->bit)) != 0);
	json_object_end(json);
}

const char *cpu_mode(const struct vcpu_page *page)
{
	if ((page->cr0 & CR0_PE) == 0)
		return "real";
	if ((page->efer & EFER_LMA) != 0)
		return (page->segment[SEG_CS].access & SEGMENT_L) != 0 ? "long" : "compatibility";
	return (page->rflags & RFLAGS_VM) != 0 ? "virtual-8086" : "protected";
}

const char *cpu_paging(const struct vcpu_page *page)
{
	if ((page->cr0 & CR0_PG) == 0)
		return "off";
	if ((page->efer & EFER_LMA) != 0)
		return (page->cr4 & CR4_LA57) != 0 ? "5-level" : "4-level";
	return (page->cr4 & CR4_PAE) != 0 ? "PAE" : "32-bit";
}

const char *cpu_caching(u64 cr0)
{
	if ((cr0 & CR0_CD) == 0)
		return (cr0 & CR0_NW) == 0 ? "on" : "an invalid setting";
	return (cr0 & CR0_NW) == 0 ? "no-fill" : "off, memory not coherent";
}

const char *cpu_state_memory_type(u64 type)
{
	static const char names[8][4] = {"UC", "WC", "?", "?", "WT", "WP", "WB", "UC-"};

	return type < 8 ? names[type] : "?";
}

bool cpu_is_svm(void)
{
	return string_starts_with(start_info->backend, "SVM");
}

bool cpu_dump_word(const struct vcpu_page *page, u32 id, u64 *value)
{
	u32 count = MIN(page->dump_count, (u32)ARRAY_COUNT(page->dump));

	for (u32 i = 0; i < count; i++) {
		if (page->dump[i].id != id)
			continue;
		*value = page->dump[i].value;
		return true;
	}
	return false;
}

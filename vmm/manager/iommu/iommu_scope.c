/* SPDX-License-Identifier: MIT */
/*
 * Finds the functions that a scope of DMAR or IVRS names, and the requester id of a function.
 * Called by iommu.c. Reads the list of functions and fills in their units.
 */
#include "vmm/manager/iommu/iommu.h"
#include "vmm/manager/pci/pci.h"

static u16 iommu_id_of(const struct pci_function *function)
{
	return (u16)(function->address.bus << 8 | function->address.function);
}

/*
 * Returns the function at the end of a scope's path of bridges, or NULL if a bridge on the way is
 * missing.
 */
static const struct pci_function *iommu_end_of_path(const struct iommu_scope *scope)
{
	struct pci_address address = {scope->segment, scope->bus, scope->path[0]};
	const struct pci_function *function = pci_find(address);

	for (u32 i = 1; i < scope->path_count && function != NULL; i++) {
		if (function->header != PCI_HEADER_BRIDGE)
			return NULL;
		address.bus = function->secondary_bus;
		address.function = scope->path[i];
		function = pci_find(address);
	}
	return function;
}

static bool iommu_is_behind(const struct pci_function *bridge, const struct pci_function *function)
{
	return bridge->header == PCI_HEADER_BRIDGE &&
	       bridge->address.segment == function->address.segment && bridge->secondary_bus != 0 &&
	       function->address.bus >= bridge->secondary_bus &&
	       function->address.bus <= bridge->subordinate_bus;
}

bool iommu_scope_has(const struct iommu_scope *scope, const struct pci_function *function)
{
	const struct pci_function *end;
	u16 id = iommu_id_of(function);

	if (scope->segment != function->address.segment || scope->kind == IOMMU_SCOPE_REST)
		return false;
	if (scope->kind == IOMMU_SCOPE_RANGE)
		return id >= scope->first && id <= scope->last;
	end = iommu_end_of_path(scope);
	return end == function ||
	       (end != NULL && scope->kind == IOMMU_SCOPE_BRIDGE && iommu_is_behind(end, function));
}

/*
 * Returns the scope by which an IOMMU has the function, or NULL. A scope that names the function
 * goes before one for all remaining functions.
 */
static const struct iommu_scope *iommu_scope_of(const struct iommu_table *table,
						const struct pci_function *function)
{
	const struct iommu_scope *rest = NULL;

	for (u32 i = 0; i < table->scope_count; i++) {
		const struct iommu_scope *scope = &table->scope[i];

		if (scope->reserved)
			continue;
		if (iommu_scope_has(scope, function))
			return scope;
		if (scope->kind == IOMMU_SCOPE_REST && scope->segment == function->address.segment)
			rest = scope;
	}
	return rest;
}

static bool iommu_is_express(const struct pci_function *function, u32 *kind)
{
	u32 at = pci_capability(function, PCI_CAP_EXPRESS);

	if (at == 0)
		return false;
	*kind = pci_read(function->address, at + PCI_EXPRESS_CAPABILITY, 2) >> 4 & 0xf;
	return true;
}

/*
 * Returns a function's requester id. Conventional PCI has none: a bridge to it from PCI Express
 * speaks for all behind it as the first function of its bus (PCI Express to PCI bridges 1.0, 2.3),
 * another bridge as itself.
 */
static u16 iommu_requester_of(const struct pci_function *function)
{
	const struct pci_function *speaker = NULL;
	u16 requester = iommu_id_of(function);

	for (u32 i = 0; i < pci_count(); i++) {
		const struct pci_function *bridge = pci_get(i);
		u32 kind = PCI_EXPRESS_TO_PCI;

		if (!iommu_is_behind(bridge, function) ||
		    (iommu_is_express(bridge, &kind) && kind != PCI_EXPRESS_TO_PCI) ||
		    (speaker != NULL && speaker->address.bus <= bridge->address.bus))
			continue;
		speaker = bridge;
		requester = iommu_is_express(bridge, &kind) ? (u16)(bridge->secondary_bus << 8)
							    : iommu_id_of(bridge);
	}
	return requester;
}

void iommu_find_units(const struct iommu_table *table)
{
	for (u32 i = 0; i < pci_count(); i++) {
		struct pci_function *function = pci_get(i);
		const struct iommu_scope *scope = iommu_scope_of(table, function);

		function->iommu = scope != NULL ? (u8)(scope->owner + 1) : 0;
		function->requester = scope != NULL && scope->aliased
					      ? scope->alias
					      : iommu_requester_of(function);
	}
}

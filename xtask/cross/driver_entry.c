/*
 * The driver's entry point, in place of the WDK's WdfDriverEntry.lib: binds
 * the driver to KMDF 1.15, runs its DriverEntry, and unbinds when that fails
 * or when the driver is unloaded.
 */
#include <ntddk.h>
#include <wdf.h>

#include <wdf_bind.h>

/* Longer paths of service keys do not occur: the name of a service has at most 256 characters. */
#define REGISTRY_PATH_BYTES 1024

DRIVER_INITIALIZE DriverEntry;
DRIVER_INITIALIZE FxDriverEntry;

/* The symbols that the bindings to KMDF refer to; WdfVersionBind fills them. */
const WDFFUNC *WdfFunctions_01015;
PWDF_DRIVER_GLOBALS WdfDriverGlobals;

static WDF_BIND_INFO BindInfo = {
    .Size = sizeof(WDF_BIND_INFO),
    .Component = L"KmdfLibrary",
    .Version = {1, 15, 0},
    .FuncCount = WdfFunctionTableNumEntries,
    .FuncTable = (PVOID *)&WdfFunctions_01015,
};

/* The system's own copy of the path is gone once DriverEntry has returned; unbinding needs it later. */
static WCHAR RegistryPathBuffer[REGISTRY_PATH_BYTES / sizeof(WCHAR)];
static UNICODE_STRING RegistryPath = {0, sizeof(RegistryPathBuffer), RegistryPathBuffer};

/* What KMDF or the driver had put into DriverUnload before it was displaced. */
static PDRIVER_UNLOAD DisplacedUnload;

static VOID Unbind(VOID)
{
    WdfVersionUnbind(&RegistryPath, &BindInfo, WdfDriverGlobals);
}

static VOID NTAPI UnloadThenUnbind(PDRIVER_OBJECT DriverObject)
{
    if (DisplacedUnload != NULL) {
        DisplacedUnload(DriverObject);
    }
    Unbind();
}

NTSTATUS NTAPI FxDriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING CallersRegistryPath)
{
    NTSTATUS status;

    /* A kernel-mode library is initialised without a driver object; KMDF has nothing to bind then. */
    if (DriverObject == NULL) {
        return DriverEntry(DriverObject, CallersRegistryPath);
    }

    RtlCopyUnicodeString(&RegistryPath, CallersRegistryPath);
    status = WdfVersionBind(DriverObject, &RegistryPath, &BindInfo, &WdfDriverGlobals);
    if (!NT_SUCCESS(status)) {
        return status;
    }

    status = DriverEntry(DriverObject, CallersRegistryPath);
    if (!NT_SUCCESS(status)) {
        Unbind();
        return status;
    }

    /*
     * Set for a driver that can be unloaded: a PnP driver, or a non-PnP driver
     * with an EvtDriverUnload. Without the unbind its service could not stop.
     */
    if (WdfDriverGlobals->DisplaceDriverUnload) {
        DisplacedUnload = DriverObject->DriverUnload;
        DriverObject->DriverUnload = UnloadThenUnbind;
    }
    return status;
}

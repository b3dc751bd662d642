<#
.SYNOPSIS
Installs psimp.sys on a test machine, or undoes that.

.DESCRIPTION
Checks every file of the bundle against manifest.json, adds the test certificate to the
machine's stores, copies psimp.sys to System32\drivers, creates the service for it and
starts it. With -Undo each of these steps is undone, the last one first. The driver runs
from System32, where only administrators can replace it.

For a virtual machine that can be thrown away. While the certificate is in the stores, this
machine trusts everything that is signed with its key.

.PARAMETER Undo
Stop the driver, delete the service and the copy of psimp.sys, and remove the certificate
by its thumbprint.

.EXAMPLE
powershell -ExecutionPolicy Bypass -File install.ps1

.EXAMPLE
powershell -ExecutionPolicy Bypass -File install.ps1 -Undo
#>
param([switch] $Undo)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$control = 'HKLM:\SYSTEM\CurrentControlSet\Control'

# A value of the registry, or nothing where there is no such value or key.
function Get-Value($key, $name) {
    $item = Get-ItemProperty $key -Name $name -ErrorAction SilentlyContinue
    if ($item) { return $item.$name }
}

# What the machine must be like. Each throws a sentence that says what to do.

function Assert-Elevated {
    $identity = [Security.Principal.WindowsIdentity]::GetCurrent()
    $principal = New-Object Security.Principal.WindowsPrincipal $identity
    if (-not $principal.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
        throw 'not elevated: start PowerShell with "Run as administrator"'
    }
    # To a 32-bit program System32 is another folder.
    if (-not [Environment]::Is64BitProcess) {
        throw 'this is the 32-bit PowerShell: start the other one'
    }
}

function Assert-TestSigning {
    # A machine that starts by a BIOS has no such value.
    if (Get-Value "$control\SecureBoot\State" 'UEFISecureBootEnabled') {
        throw 'Secure Boot is on, and then Windows ignores test signing: turn it off in the settings of the VM'
    }
    # What the running system was started with; bcdedit shows what the next start will have.
    if ((Get-Value $control 'SystemStartOptions') -notmatch '\bTESTSIGNING\b') {
        throw 'test signing is off: run "bcdedit /set testsigning on" and restart the machine'
    }
}

# The folder for this machine's processor, even where PowerShell itself is emulated.
function Get-Folder {
    $native = Get-Value "$control\Session Manager\Environment" 'PROCESSOR_ARCHITECTURE'
    $folders = @{ AMD64 = 'x64'; ARM64 = 'arm64' }
    if (-not $folders.ContainsKey($native)) {
        throw "wrong architecture: psimp.sys is for x64 and arm64, this machine is $native"
    }
    $folder = Join-Path $PSScriptRoot $folders[$native]
    if (-not (Test-Path $folder)) {
        throw "wrong architecture: this bundle has no folder $($folders[$native])"
    }
    return $folder
}

# Every file of the bundle is what the manifest says of it.
function Assert-Files($manifest) {
    foreach ($file in $manifest.files) {
        $path = Join-Path $PSScriptRoot $file.path
        if (-not (Test-Path $path)) {
            throw "$($file.path) is missing: unpack the whole bundle"
        }
        if ((Get-FileHash -Algorithm SHA256 $path).Hash -ne $file.sha256) {
            throw "$($file.path) is not the file that was packed: unpack the bundle again"
        }
    }
}

# The steps and their opposites. Both may be done twice.

function Add-TestCertificate($name) {
    $store = New-Object Security.Cryptography.X509Certificates.X509Store $name, 'LocalMachine'
    $store.Open('ReadWrite')
    try { $store.Add($certificate) } finally { $store.Close() }
}

function Remove-TestCertificate($name) {
    $store = New-Object Security.Cryptography.X509Certificates.X509Store $name, 'LocalMachine'
    $store.Open('ReadWrite')
    try {
        foreach ($found in $store.Certificates.Find('FindByThumbprint', $certificate.Thumbprint, $false)) {
            $store.Remove($found)
        }
    } finally { $store.Close() }
}

function Install-Image {
    # The system keeps the file of a loaded driver open; it is the same one, or the copy fails.
    if (-not (Test-Running)) { Copy-Item (Join-Path $folder 'psimp.sys') $image -Force }
    # The copy, not what it was made from: only administrators can change it after this.
    $name = (Split-Path $folder -Leaf) + '/psimp.sys'
    $packed = $manifest.files | Where-Object { $_.path -eq $name }
    if ((Get-FileHash -Algorithm SHA256 $image).Hash -ne $packed.sha256) {
        throw "$image is not the file that was packed: run install.ps1 -Undo first"
    }
}

function Remove-Image { if (Test-Path $image) { Remove-Item $image } }

function Get-Driver {
    return Get-CimInstance Win32_SystemDriver -Filter "Name = 'PsImpersonate'"
}

function Invoke-Psimp($action, $options = @()) {
    $program = Join-Path $folder 'psimp.exe'
    & $program driver $action @options
    if ($LASTEXITCODE -ne 0) {
        throw "psimp.exe driver $action ended with $LASTEXITCODE"
    }
}

function Install-Service { if (-not (Get-Driver)) { Invoke-Psimp 'install' @('--image', $image) } }
function Uninstall-Service { if (Get-Driver) { Invoke-Psimp 'uninstall' } }

function Test-Running {
    $driver = Get-Driver
    return $driver -and $driver.State -eq 'Running'
}

function Start-Driver { if (-not (Test-Running)) { Invoke-Psimp 'start' } }
function Stop-Driver { if (Test-Running) { Invoke-Psimp 'stop' } }

$steps = @(
    @{ Name = 'certificate, root'; Do = { Add-TestCertificate 'Root' }; Undo = { Remove-TestCertificate 'Root' } }
    @{ Name = 'certificate, publisher'; Do = { Add-TestCertificate 'TrustedPublisher' }; Undo = { Remove-TestCertificate 'TrustedPublisher' } }
    @{ Name = 'image'; Do = { Install-Image }; Undo = { Remove-Image } }
    @{ Name = 'service'; Do = { Install-Service }; Undo = { Uninstall-Service } }
    @{ Name = 'driver'; Do = { Start-Driver }; Undo = { Stop-Driver } }
)

$failed = $false
try {
    Assert-Elevated
    $folder = Get-Folder
    $image = Join-Path ([Environment]::SystemDirectory) 'drivers\psimp.sys'
    $manifest = Get-Content -Raw (Join-Path $PSScriptRoot 'manifest.json') | ConvertFrom-Json
    Assert-Files $manifest
    $file = Join-Path $PSScriptRoot $manifest.certificate.path
    $certificate = New-Object Security.Cryptography.X509Certificates.X509Certificate2 $file
    if ($certificate.Thumbprint -ne $manifest.certificate.thumbprint) {
        throw 'the certificate is not the one that the manifest names'
    }
    if (-not $Undo) {
        Assert-TestSigning
        foreach ($step in $steps) {
            & $step.Do
            Write-Output "done: $($step.Name)"
        }
        Write-Output "next: $(Join-Path $folder 'psimp.exe') run --target device"
    }
} catch {
    Write-Output "error: $_"
    if (-not $Undo) { Write-Output 'install.ps1 -Undo takes back what was done' }
    exit 1
}

if ($Undo) {
    [array]::Reverse($steps)
    foreach ($step in $steps) {
        # A step that cannot be undone must not keep the others.
        try {
            & $step.Undo
            Write-Output "undone: $($step.Name)"
        } catch {
            Write-Output "error: $($step.Name): $_"
            $failed = $true
        }
    }
}
if ($failed) { exit 1 }
exit 0

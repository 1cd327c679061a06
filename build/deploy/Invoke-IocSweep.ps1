<#
.SYNOPSIS
Runs the program and gives its one line of JSON. For PSRemoting, MECM, Live Response and RTR.
.DESCRIPTION
Windows PowerShell 5.1. Nothing is downloaded and nothing is installed. Without -Exe, the program
is looked for beside this script and in Windows\Temp. The exit code is the program's: 0 clean, 1 hit,
2 could not run, 3 incomplete, 4 clean but not delivered, 5 another sweep is running.
.PARAMETER Sha256
Of the program; another one is not started.
.PARAMETER Clean
Removes what the program left on this host, and the program itself, unless it is on a share.
.EXAMPLE
Invoke-IocSweep.ps1 -Sweep cyzfc-2026-11 -Preset live-response -Sha256 0123...
#>
[CmdletBinding()]
param(
    [string]$Exe = '',
    [string]$Sha256 = '',
    [string]$Sweep = '',
    [string]$Collector = '',
    [string]$TokenFile = '',
    [string]$Ca = '',
    [string]$Share = '',
    [ValidateSet('', 'gpo-startup', 'intune', 'live-response', 'rtr')]
    [string]$Preset = '',
    [string]$SigningKeyFile = '',
    [switch]$Clean
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

function Stop-Unstarted {
    param([string]$Why)
    Write-Output ('{"v":1,"verdict":null,"error":"' + $Why + '","exit":2}')
    exit 2
}

foreach ($Folder in @($PSScriptRoot, (Join-Path -Path $env:SystemRoot -ChildPath 'Temp'))) {
    if (-not $Exe -and $Folder) {
        $Candidate = Join-Path -Path $Folder -ChildPath 'iocsweep.exe'
        if (Test-Path -LiteralPath $Candidate -PathType Leaf) { $Exe = $Candidate }
    }
}
if (-not $Exe -or -not (Test-Path -LiteralPath $Exe -PathType Leaf)) {
    Stop-Unstarted -Why 'iocsweep.exe is not there'
}
if ($Sha256) {
    $Found = (Get-FileHash -LiteralPath $Exe -Algorithm SHA256).Hash
    if ($Found -ne $Sha256) { Stop-Unstarted -Why ('SHA-256 is ' + $Found) }
}

if ($Clean) {
    $Arguments = @('clean', '--quiet')
} else {
    $Arguments = @('live', '--quiet')
    if ($Preset) { $Arguments += '--preset=' + $Preset }
    if ($Sweep) { $Arguments += '--once=' + $Sweep }
    if ($Collector) { $Arguments += '--collector=' + $Collector }
    if ($TokenFile) { $Arguments += '--token-file=' + $TokenFile }
    if ($SigningKeyFile) { $Arguments += '--signing-key-file=' + $SigningKeyFile }
    if ($Ca) { $Arguments += '--ca=' + $Ca }
    if ($Share) { $Arguments += '--share=' + $Share.TrimEnd('\') }
}

# What a program writes to stderr would end the script under Stop; the line has the error, too.
$ErrorActionPreference = 'Continue'
try {
    $Lines = @(& $Exe $Arguments 2>$null)
    $Code = $LASTEXITCODE
} catch {
    Stop-Unstarted -Why 'iocsweep.exe did not start: is it blocked by a policy?'
}
if ($Lines.Count -gt 0) { Write-Output $Lines[-1] }

if ($Clean -and $Code -eq 0 -and -not $Exe.StartsWith('\\')) {
    Remove-Item -LiteralPath $Exe -Force
}
exit $Code

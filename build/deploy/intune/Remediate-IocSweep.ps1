# Remediation script: sweeps, and gives the program's last line (at most 2,048 characters).
# Intune keeps that line, and takes anything on stderr for a failure.
$Exe = '\\fileserver.example\iocsweep$\iocsweep.exe'
$Arguments = @(
    '--preset=intune',
    '--once=cyzfc-2026-11',
    '--collector=https://collector.example:8443',
    '--token-file=\\fileserver.example\iocsweep$\token.txt',
    '--signing-key-file=\\fileserver.example\iocsweep$\signing.key',
    '--ca=\\fileserver.example\iocsweep$\collector-ca.pem'
)

if (-not (Test-Path -LiteralPath $Exe -PathType Leaf)) {
    Write-Output '{"v":1,"verdict":null,"error":"iocsweep.exe is not there","exit":2}'
    exit 2
}
try {
    $Lines = @(& $Exe $Arguments 2>$null)
    $Code = $LASTEXITCODE
} catch {
    Write-Output '{"v":1,"verdict":null,"error":"iocsweep.exe did not start","exit":2}'
    exit 2
}
if ($Lines.Count -gt 0) { Write-Output $Lines[-1] }
exit $Code

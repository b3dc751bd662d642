//! The Authenticode signature: a certificate made for tests, and osslsigncode, which signs and verifies.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::date::SourceDate;
use crate::build::Tool;
use crate::exec;
use crate::workspace::Workspace;

/// The subject of the certificate, which states that it is for tests.
const SUBJECT: &str = "/CN=psimp test signing (do not trust)";

/// How long a certificate is valid that is made here. When it ends another one is made.
const DAYS: &str = "730";

/// What code is signed with: no authority, and no use but signing code.
const EXTENSIONS: &[&str] = &[
    "basicConstraints=critical,CA:FALSE",
    "keyUsage=critical,digitalSignature",
    "extendedKeyUsage=critical,codeSigning",
];

/// A certificate that signs itself, and the key to sign with.
#[derive(Debug, Clone)]
pub(super) struct Certificate {
    /// The certificate without the key.
    pem: PathBuf,
    key: Key,
    pub(super) der: Vec<u8>,
    /// The SHA-1 of `der` in upper-case hexadecimal digits.
    pub(super) thumbprint: String,
}

/// Where the private key is. It is never read here: only osslsigncode opens it.
#[derive(Debug, Clone)]
pub(super) enum Key {
    Pem(PathBuf),
    /// With the certificate in one file, and the file that has its password.
    Pfx(PathBuf, Option<PathBuf>),
}

impl Certificate {
    /// The certificate that was made for this target folder; it is made when there is none, or an outdated one.
    pub(super) fn of_tests(workspace: &Workspace) -> Result<Self> {
        let folder = workspace.target.join("test-signing");
        let certificate = folder.join("certificate.pem");
        let tomorrow = ["x509", "-noout", "-checkend", "86400", "-in"];
        let valid = certificate.exists()
            && exec::stdout(Tool::Openssl.command()?.args(tomorrow).arg(&certificate)).is_ok();
        if !valid {
            create(&folder)?;
        }
        Self::from_pem(certificate, folder.join("key.pem"))
    }

    /// The user's own certificate, as two PEM files or one PFX file.
    pub(super) fn of_user(
        workspace: &Workspace,
        certificate: &Path,
        key: Option<&Path>,
        password: Option<&Path>,
    ) -> Result<Self> {
        if let Some(key) = key {
            return Self::from_pem(certificate.to_owned(), key.to_owned());
        }
        let mut command = Tool::Openssl.command()?;
        command.args(["pkcs12", "-clcerts", "-nokeys", "-in"]).arg(certificate).arg("-passin");
        command.arg(password.map_or_else(|| "pass:".into(), |file| format!("file:{}", file.display())));
        let pem = exec::stdout(&mut command).context("without --key, --cert has to be a PFX file")?;
        let copy = workspace.target.join("test-signing/of-user.pem");
        exec::write_if_changed(&copy, pem)?;
        let key = Key::Pfx(certificate.to_owned(), password.map(Path::to_owned));
        Self::new(copy, key)
    }

    fn from_pem(pem: PathBuf, key: PathBuf) -> Result<Self> {
        Self::new(pem, Key::Pem(key))
    }

    fn new(pem: PathBuf, key: Key) -> Result<Self> {
        let described = exec::stdout(
            Tool::Openssl
                .command()?
                .args(["x509", "-noout", "-subject", "-issuer", "-fingerprint", "-sha1", "-in"])
                .arg(&pem),
        )?;
        let field = |name: &str| {
            let line = described.lines().find_map(|line| line.strip_prefix(name));
            line.with_context(|| format!("openssl prints no {name}"))
        };
        ensure!(
            field("subject=")? == field("issuer=")?,
            "{} does not sign itself; the script on the VM makes it a root, which only a self-signed one can be",
            pem.display()
        );
        let digest = described.lines().find_map(|line| line.split_once("Fingerprint="));
        let thumbprint = digest.context("openssl prints no fingerprint")?.1.replace(':', "");
        let output = Tool::Openssl.command()?.args(["x509", "-outform", "DER", "-in"]).arg(&pem).output()?;
        if !output.status.success() {
            bail!("{} cannot be converted ({})", pem.display(), output.status);
        }
        Ok(Self { pem, key, der: output.stdout, thumbprint })
    }

    /// Signs the image at `unsigned`, as of the date, and writes the result to `signed`.
    pub(super) fn sign(&self, unsigned: &Path, signed: &Path, date: SourceDate) -> Result<()> {
        let mut command = Tool::Osslsigncode.command()?;
        command.arg("sign");
        match &self.key {
            Key::Pem(key) => {
                command.arg("-certs").arg(&self.pem).arg("-key").arg(key);
            }
            Key::Pfx(file, password) => {
                command.arg("-pkcs12").arg(file);
                if let Some(password) = password {
                    command.arg("-readpass").arg(password);
                }
            }
        }
        command.args(["-h", "sha256", "-n", "psimp", "-time", &date.seconds().to_string(), "-in"]);
        into(&mut command, unsigned, signed)?;
        self.verify(signed)
    }

    /// Fails unless the file has one whole signature, made with this certificate.
    pub(super) fn verify(&self, file: &Path) -> Result<()> {
        let mut command = Tool::Osslsigncode.command()?;
        command.args(["verify", "-CAfile"]).arg(&self.pem);
        // It looks for this file too, and Debian's is not there on every machine.
        command.arg("-TSA-CAfile").arg(&self.pem).arg("-in").arg(file);
        let output = exec::stdout(&mut command)?;
        ensure!(
            output.contains("Number of verified signatures: 1"),
            "{} is signed otherwise",
            file.display()
        );
        Ok(())
    }

    /// What no file may have in it: what begins a key in PEM, and a piece of this key as PEM and as DER.
    pub(super) fn pieces_of_key(&self) -> Result<Vec<Vec<u8>>> {
        let mut pieces = vec![b"PRIVATE KEY".to_vec()];
        if let Key::Pem(key) = &self.key {
            let text = exec::read(key)?;
            let lines: Vec<_> = text.lines().filter(|line| line.len() == 64).collect();
            pieces.push(lines.get(lines.len() / 2).context("a key has several lines")?.as_bytes().to_vec());
            let output =
                Tool::Openssl.command()?.args(["pkey", "-outform", "DER", "-in"]).arg(key).output()?;
            // The first part of an RSA key is public.
            let middle = output.stdout.len() / 2;
            let secret = output.stdout.get(middle..middle + 32).context("a key is longer than that")?;
            pieces.push(secret.to_vec());
        }
        Ok(pieces)
    }
}

/// Takes the signature out of an image.
pub(super) fn remove_signature(signed: &Path, unsigned: &Path) -> Result<()> {
    let mut command = Tool::Osslsigncode.command()?;
    into(command.args(["remove-signature", "-in"]), signed, unsigned)
}

/// osslsigncode from one file to another, which it does not overwrite.
fn into(command: &mut Command, from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_file(to).with_context(|| format!("cannot remove {}", to.display()))?;
    }
    exec::create_dir(to.parent().context("a file has a folder")?)?;
    exec::run_quietly(command.arg(from).arg("-out").arg(to))
}

/// Makes a key and its certificate, which appear together or not at all.
fn create(folder: &Path) -> Result<()> {
    eprintln!("making a certificate for tests in {}", folder.display());
    let fresh = folder.with_extension("new");
    for folder in [&fresh, folder] {
        if folder.exists() {
            fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
        }
    }
    exec::create_dir(&fresh)?;
    let mut command = Tool::Openssl.command()?;
    // RSA: no random number is in its signature, so that the same image gets the same one again.
    command.args(["req", "-x509", "-newkey", "rsa:2048", "-noenc", "-sha256", "-days", DAYS]);
    command.args(["-subj", SUBJECT]);
    for extension in EXTENSIONS {
        command.args(["-addext", extension]);
    }
    command.arg("-keyout").arg(fresh.join("key.pem"));
    exec::run_quietly(command.arg("-out").arg(fresh.join("certificate.pem")))?;
    fs::rename(&fresh, folder).with_context(|| format!("cannot make {}", folder.display()))
}

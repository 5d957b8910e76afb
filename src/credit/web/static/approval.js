// A passkey's approval of what was signed: the server asks for it by the digest, this device gives it.

/** What kept somebody from signing: `what` names the words on the page that say so. */
export class Stopped extends Error {
  constructor(what, cause) {
    super(what, { cause });
    this.what = what;
  }
}

/** The approval of a digest (hex) as text, asked for at `path`; empty for people without passkeys. */
export async function approvalOf(path, digest) {
  const answer = await fetch(path, { method: "POST", body: new URLSearchParams({ digest }) });
  if (!answer.ok || answer.redirected) throw new Error(`approval: ${answer.status}`);
  const { options, origin } = await answer.json();
  if (options === null) return "";
  if (location.origin !== origin) throw new Stopped("elsewhere");
  if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) throw new Stopped("unable");
  try {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    const credential = await navigator.credentials.get({ publicKey });
    return JSON.stringify(credential.toJSON());
  } catch (error) {
    throw new Stopped("unapproved", error);
  }
}

/** Show the words of a form that say why nothing was sent. */
export function tell(form, error) {
  const what = error instanceof Stopped ? error.what : "failed";
  if (what === "failed") console.error(error);
  for (const told of form.querySelectorAll("[data-told]")) told.hidden = told.dataset.told !== what;
}

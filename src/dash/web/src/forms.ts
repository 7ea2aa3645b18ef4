// Forms that are posted: to sign in, and to sign out. CloudFront signs what it asks the page function, and for that a request has to say itself what its
// body comes to, in a header that a form does not send. The script sends it wherever the page is, so that there is one way.
import { el } from './dom.js';

/** Has forms that post go by way of the script. */
export function post(document: Document): void {
  document.addEventListener('submit', (event) => {
    const form = event.target;
    // Over plain HTTP from another machine a browser has no digests, and nobody asks for one.
    if (!(form instanceof HTMLFormElement) || form.method !== 'post' || !('subtle' in crypto)) return;
    event.preventDefault();
    send(form).catch(() => say(form, 'The server cannot be reached. Try again.'));
  });
}

async function send(form: HTMLFormElement): Promise<void> {
  const fields = new URLSearchParams();
  new FormData(form).forEach((value, name) => fields.append(name, String(value)));
  const body = fields.toString();
  const response = await fetch(form.action, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-amz-content-sha256': await digest(body) },
    // What follows has no body: the header must not go with it.
    redirect: 'manual',
  });
  if (response.type === 'opaqueredirect') {
    // The server has seen to it that this is one of its own pages.
    const to = new URL(fields.get('to') ?? '/login', location.origin);
    location.assign(to.origin === location.origin ? to : '/');
    return;
  }
  const main = new DOMParser().parseFromString(await response.text(), 'text/html').querySelector('main');
  if (!response.headers.get('content-type')?.startsWith('text/html') || !main) {
    say(form, `The server answers with ${response.status}. Try again.`);
    return;
  }
  document.querySelector('main')?.replaceWith(main);
  main.querySelector<HTMLElement>('input:not([type="hidden"])')?.focus();
}

async function digest(text: string): Promise<string> {
  const bytes = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function say(form: HTMLFormElement, words: string): void {
  const before = form.previousElementSibling;
  if (before?.getAttribute('role') === 'alert') before.remove();
  form.before(el('p', { role: 'alert' }, words));
}

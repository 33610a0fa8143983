import type { AdminAnswer } from './answer.js'

/** For whoever opens the page in a browser that was not told the token yet. It says nothing about the node. */
export function loginForm(reason: string): AdminAnswer {
  const body = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>waku-mailserver</title>
<main>
<h1>waku-mailserver</h1>
<p role="alert">${reason.replace(/[<>&"]/g, c => `&#${c.charCodeAt(0)};`)}</p>
<form method="post" action="/login">
<label>Token <input name="token" type="password" autocomplete="current-password" required autofocus></label>
<button>Open</button>
</form>
</main>
</html>
`
  return { type: 'text/html; charset=utf-8', body }
}

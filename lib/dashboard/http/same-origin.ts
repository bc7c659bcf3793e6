import type { IncomingHttpHeaders } from 'node:http';

/**
 * Whether the dashboard's own page has sent the request. Browsers set these headers, and no page can change them. A browser
 * sends `Sec-Fetch-Site` to addresses that it trusts: HTTPS and localhost. At other addresses, and in old browsers, `Origin`
 * decides.
 */
export function isSameOrigin(headers: IncomingHttpHeaders): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) {
    return site === 'same-origin';
  }
  const { origin } = headers;
  const host = headers.host ?? headers[':authority'];
  if (origin === undefined || typeof host !== 'string') {
    return false;
  }
  const [, scheme] = /^(https?):\/\//.exec(origin) ?? [];
  // Through URL, because a host may have the default port.
  return scheme !== undefined && hostOf(origin) !== undefined && hostOf(origin) === hostOf(`${scheme}://${host}`);
}

function hostOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).host : undefined;
}

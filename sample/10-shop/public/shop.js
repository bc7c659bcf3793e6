import { actions } from './actions.js';
import { Card, clock, send } from './card.js';

const find = (selector) => document.querySelector(selector);

const names = { queue: 'Queue', database: 'Database', cache: 'Cache', email: 'E-mail', chat: 'Chat' };

function showParts(parts) {
  find('#parts').replaceChildren(
    ...Object.entries(parts).map(([part, used]) => {
      const row = document.createElement('div');
      row.append(document.createElement('dt'), document.createElement('dd'));
      row.firstChild.textContent = names[part];
      row.lastChild.textContent = used;
      return row;
    }),
  );
}

async function showMails({ email }) {
  const { answer: mails } = await send('GET', '/mailbox');
  const isEmbedded = email === 'embedded mailbox';
  const about =
    mails.length > 0 ? 'E-mails that the SMTP server in this process has received.' : 'Empty: sign up, or order.';
  find('#mailbox-about').textContent = isEmbedded ? about : 'E-mails leave by your SMTP server.';
  find('#mails').replaceChildren(...mails.slice(0, 4).map(mailRow));
}

function mailRow({ to, subject, text, at }) {
  const row = document.createElement('li');
  for (const [tag, name, content] of [
    ['strong', 'subject', subject],
    ['time', 'time', clock(at)],
    ['span', 'to', `to ${to}`],
    ['span', 'body', text],
  ]) {
    const cell = row.appendChild(document.createElement(tag));
    cell.className = name;
    cell.textContent = content;
  }
  return row;
}

async function openDashboard(staff) {
  try {
    await send('POST', '/sessions', { email: staff.email, password: staff.password });
    location.assign('/background-tasks');
  } catch (error) {
    find('#fault').textContent = error.message;
  }
}

const { parts, staff, cases, code } = await send('GET', '/page');
showParts(parts);
find('#staff').textContent = `${staff.email}, password “${staff.password}”`;
find('#dashboard').addEventListener('click', () => void openDashboard(staff));
find('#cases').prepend(
  ...cases.map((it) => {
    const action = async (...parameters) => {
      await actions[it.id](...parameters);
      await showMails(parts);
    };
    return new Card(it, code[it.id], action).element;
  }),
);
await showMails(parts);

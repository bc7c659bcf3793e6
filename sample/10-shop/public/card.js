import { highlighted } from './code.js';

const template = document.querySelector('#case');
const euros = new Intl.NumberFormat('en', { style: 'currency', currency: 'EUR' });

export const price = (cents) => euros.format(cents / 100);
export const clock = (moment) => new Date(moment).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
const millisecondsOf = ({ startedAt, finishedAt }) => Date.parse(finishedAt) - Date.parse(startedAt);

/** Sends a request. @throws Error with the message of an answer that is not `expected` */
export async function send(method, path, body, expected) {
  const start = performance.now();
  const content = body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(path, { method, ...content });
  const text = await response.text();
  const answer = text === '' ? {} : JSON.parse(text);
  if (expected === undefined ? !response.ok : response.status !== expected) {
    throw new Error(answer.message ?? `${method} ${path}: ${response.status}`);
  }
  return { ...answer, status: response.status, took: `${Math.round(performance.now() - start)} ms`, answer };
}

/** A card of the page: what its button does, and what came of it. */
export class Card {
  element = template.content.firstElementChild.cloneNode(true);

  constructor({ id, title, text, button, secondButton, uses }, code, action) {
    this.element.id = id;
    this.#find('h2').textContent = title;
    this.#find('.text').textContent = text;
    this.#find('.uses').textContent = `Uses: ${uses}`;
    [button, secondButton].forEach((label, i) => label && this.addButton(label, i > 0, () => this.#run(action, i > 0)));
    this.#find('details').append(...code.map(figure));
  }

  /** Shows a fact, in place of the last one with this term. */
  fact(term, ...value) {
    const facts = this.#find('.facts');
    let row = [...facts.children].find((it) => it.firstChild.textContent === term);
    if (!row) {
      row = facts.appendChild(document.createElement('div'));
      row.append(document.createElement('dt'), document.createElement('dd'));
      row.firstChild.textContent = term;
    }
    row.lastChild.replaceChildren(...value);
  }

  /** Follows a task by server-sent events until it has settled. @returns its record */
  follow({ id }, term = 'Task') {
    return new Promise((resolve, reject) => {
      const source = new EventSource(`/tasks/${id}/events`);
      const end = (settle, value) => {
        source.close();
        settle(value);
      };
      source.addEventListener('message', ({ data }) => {
        const task = JSON.parse(data);
        this.#showTask(term, task);
        if (task.finishedAt) {
          end(task.status === 'failed' ? reject : resolve, task.status === 'failed' ? task.error : task);
        }
      });
      // The browser connects again by itself, unless the server has sent an error.
      source.addEventListener('error', ({ data }) => data && end(reject, new Error(data)));
    });
  }

  addButton(label, isQuiet, action) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = label;
    button.classList.toggle('quiet', isQuiet);
    button.addEventListener('click', action);
    this.#find('.buttons').append(button);
    return button;
  }

  async #run(action, isSecond) {
    const buttons = [...this.element.querySelectorAll('.buttons button')];
    this.#find('.facts').replaceChildren();
    this.#find('progress').hidden = true;
    buttons.forEach((it) => (it.disabled = true));
    this.#state('running', 'running');
    try {
      await action(this, isSecond);
      this.#state('done', 'done');
    } catch (error) {
      this.fact('Error', error.message);
      this.#state('failed', 'failed');
    }
    buttons.forEach((it) => (it.disabled = false));
  }

  #showTask(term, task) {
    const { status, attempts, progress, error, finishedAt } = task;
    const time = finishedAt && task.startedAt ? ` in ${millisecondsOf(task)} ms` : '';
    const retried = attempts > 1 ? `, attempt ${attempts}` : '';
    this.fact(term, `${task.name}: ${status}${time}${retried}${status === 'failed' ? `, ${error.message}` : ''}`);
    if (progress) {
      const bar = this.#find('progress');
      bar.hidden = false;
      bar.max = progress.of;
      bar.value = progress.done;
      bar.ariaLabel = `${progress.done} of ${progress.of}`;
    }
  }

  #state(state, text) {
    this.element.dataset.state = state;
    this.#find('.state').textContent = text;
  }

  #find(selector) {
    return this.element.querySelector(selector);
  }
}

function figure({ file, text }) {
  const element = document.createElement('figure');
  const caption = element.appendChild(document.createElement('figcaption'));
  caption.textContent = `src/${file}`;
  const pre = element.appendChild(document.createElement('pre'));
  // It scrolls, so the keyboard has to reach it.
  pre.tabIndex = 0;
  pre.append(highlighted(text));
  return element;
}

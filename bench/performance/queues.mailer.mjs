import { Injectable } from '@nestjs/common';
import { Task } from 'nestjs-background-tasks';

/** A task that does nothing but say that it was run: in the queue of that name. */
export function mailerOf(queue, onSend = () => undefined) {
  class Mailer {
    send() {
      onSend();
    }
  }
  Injectable()(Mailer);
  Task({ queue })(Mailer.prototype, 'send', Object.getOwnPropertyDescriptor(Mailer.prototype, 'send'));
  return Mailer;
}

import { setTimeout } from 'node:timers/promises';
import { Controller, ForbiddenException, Inject, Param, Post } from '@nestjs/common';
import { BackgroundTasks, Tasks } from 'nestjs-background-tasks';
import { GIVEN, type Given } from './given.ts';
import { Orders } from './orders.service.ts';

@Controller()
export class OrdersController {
  constructor(
    private readonly orders: Orders,
    @Inject(GIVEN) private readonly given: Given,
  ) {}

  @Post('orders/:name')
  place(@Param('name') name: string, @Tasks() tasks: BackgroundTasks) {
    this.orders.place(name);
    tasks.addTask(this.given.digest, name);
    return { accepted: name };
  }

  @Post('failing')
  failing(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(function failing() {
      throw new Error('no such order');
    });
    tasks.addTask(function next() {});
  }

  @Post('refused')
  refused(@Tasks() tasks: BackgroundTasks) {
    tasks.addTask(function onSuccess() {});
    tasks.with({ runOn: 'failure' }).addTask(function onFailure() {});
    throw new ForbiddenException();
  }

  @Post('flood')
  flood(@Tasks() tasks: BackgroundTasks) {
    for (;;) {
      tasks.addTask(function flood() {});
    }
  }

  @Post('last')
  last(@Tasks() tasks: BackgroundTasks) {
    const { closing } = this.given;
    tasks.addTask(async function last() {
      await closing;
      // Long enough that an application which doesn't wait for its tasks has closed everything.
      await setTimeout(100);
    });
  }
}

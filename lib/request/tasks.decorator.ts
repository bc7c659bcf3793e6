import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { TasksPipe } from './tasks.pipe.ts';

// A function, since global pipes see it too, before ours: those that copy objects would copy the request and its socket.
const RequestContext = createParamDecorator((_data: unknown, context: ExecutionContext) => () => context);

/**
 * This request's `BackgroundTasks` as a parameter of the handler. The controller stays a singleton, which is faster than
 * one that has `BackgroundTasks` injected and so is made anew for each request.
 *
 * @example
 * @Get()
 * list(@Tasks() tasks: BackgroundTasks) {
 *   tasks.addTask(countVisit);
 * }
 *
 * @since 0.1.0
 */
export const Tasks = (): ParameterDecorator => RequestContext(TasksPipe);

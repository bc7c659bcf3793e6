import { Converter, ReflectionKind } from 'typedoc';

const PACKAGE = 'nestjs-background-tasks';

/** Names each module of the API reference as users import it. */
export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.getChildrenByKind(ReflectionKind.Module)) {
      module.name = module.name === 'index' ? PACKAGE : `${PACKAGE}/${module.name}`;
    }
  });
}

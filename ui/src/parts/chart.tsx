import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import type { TimeSeries } from '../api/series.ts';
import { compact } from '../format/numbers.ts';
import { timeOfDay } from '../format/durations.ts';
import { isNarrow } from '../state/media.ts';
import { themeChanges } from '../state/theme.ts';

/** A time in which the event loop was blocked, in ms since 1970 and ms. */
export interface Mark {
  at: number;
  length: number;
}

interface ChartProps {
  data: TimeSeries;
  marks: Mark[];
  /** What a screen reader says of the chart. */
  summary: string;
  onCursor: (index: number | undefined) => void;
}

const HEIGHT = { wide: 196, narrow: 160 };
const WINDOW = 300;

/** A chart of the last five minutes. Failures are bars, so that they differ from completed tasks by shape too. */
export function Chart({ data, marks, summary, onCursor }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const shown = useRef({ marks, onCursor });
  shown.current = { marks, onCursor };

  useEffect(() => {
    const element = box.current!;
    const height = isNarrow.value ? HEIGHT.narrow : HEIGHT.wide;
    const chart = new uPlot(options(element, height, shown), toPlot(data), element);
    plot.current = chart;
    const observer = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
    };
  }, [themeChanges.value, isNarrow.value]);

  useEffect(() => plot.current?.setData(toPlot(data)), [data]);
  useEffect(() => plot.current?.redraw(false), [marks]);

  return <div ref={box} class="chart" role="img" aria-label={summary} />;
}

function toPlot({ times, added, completed, failed }: TimeSeries): uPlot.AlignedData {
  return [times.map((it) => it / 1000), added, completed, failed];
}

/** The colours of the page. A canvas needs them as plain colours, so an element resolves them. */
function colours(element: HTMLElement): (name: string) => string {
  const probe = document.createElement('span');
  element.append(probe);
  const known = new Map<string, string>();
  const read = (name: string) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  for (const name of [
    '--faint',
    '--line',
    '--completed',
    '--completed-wash',
    '--failed',
    '--chart-added',
    '--blocked',
  ]) {
    known.set(name, read(name));
  }
  probe.remove();
  return (name) => known.get(name)!;
}

function options(
  element: HTMLElement,
  height: number,
  shown: { current: { marks: Mark[]; onCursor: (index: number | undefined) => void } },
): uPlot.Options {
  const colour = colours(element);
  const font = `11px ${getComputedStyle(element).fontFamily}`;
  const axis = { stroke: colour('--faint'), font, ticks: { show: false } };
  return {
    width: element.clientWidth,
    height,
    legend: { show: false },
    padding: [12, 18, 0, 0],
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
    scales: {
      x: { range: (_, min, max) => [Math.min(min ?? 0, (max ?? 0) - WINDOW + 1), max ?? 0] },
      y: { range: (_, _min, max) => [0, Math.max(4, (max ?? 0) * 1.12)] },
    },
    axes: [
      {
        ...axis,
        size: 24,
        gap: 6,
        space: 44,
        incrs: [60, 120, 300],
        grid: { show: false },
        values: (_, splits) => splits.map((it) => timeOfDay(it * 1000).slice(0, 5)),
      },
      {
        ...axis,
        size: 40,
        gap: 6,
        space: 36,
        grid: { stroke: colour('--line'), width: 1 },
        values: (_, splits) => splits.map((it) => (Number.isInteger(it) ? compact(it) : '')),
      },
    ],
    series: [
      {},
      { stroke: colour('--chart-added'), width: 1, dash: [3, 3], points: { show: false } },
      { stroke: colour('--completed'), fill: colour('--completed-wash'), width: 1.25, points: { show: false } },
      {
        stroke: colour('--failed'),
        fill: colour('--failed'),
        width: 0,
        paths: uPlot.paths.bars!({ size: [0.8, 6, 2] }),
        points: { show: false },
      },
    ],
    hooks: {
      setCursor: [(chart) => shown.current.onCursor(chart.cursor.idx ?? undefined)],
      draw: [(chart) => drawMarks(chart, shown.current.marks, colour('--blocked'))],
    },
  };
}

/** Draws each block of the event loop as a triangle and a line, as wide as it was long. */
function drawMarks(chart: uPlot, marks: Mark[], colour: string): void {
  const { ctx, bbox } = chart;
  const ratio = uPlot.pxRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, 0, bbox.width, bbox.top + bbox.height);
  ctx.clip();
  ctx.fillStyle = colour;
  for (const { at, length } of marks) {
    const [from, to] = [at - length, at].map((it) => chart.valToPos(it / 1000, 'x', true)) as [number, number];
    const width = Math.max(ratio, to - from);
    ctx.globalAlpha = 0.35;
    ctx.fillRect(from, bbox.top, width, bbox.height);
    ctx.globalAlpha = 1;
    const middle = from + width / 2;
    ctx.beginPath();
    ctx.moveTo(middle - 4 * ratio, bbox.top - 8 * ratio);
    ctx.lineTo(middle + 4 * ratio, bbox.top - 8 * ratio);
    ctx.lineTo(middle, bbox.top - 1 * ratio);
    ctx.fill();
  }
  ctx.restore();
}

/** Types of the parts of blessed and blessed-contrib that are imported by path, as far as they are used. */

declare module "blessed/usr/*" {
  const path: string;
  export default path;
}

declare module "blessed/lib/tput.js" {
  const Tput: {
    prototype: {
      terminal?: string;
      readTerminfo(term?: string): unknown;
      parseTerminfo(data: Uint8Array, file: string): unknown;
    };
  };
  export default Tput;
}

declare module "blessed-contrib/lib/widget/gauge.js" {
  const gauge: (options: object) => import("./chart-widgets.ts").ChartWidget;
  export default gauge;
}

declare module "blessed-contrib/lib/widget/donut.js" {
  const donut: (options: object) => import("./chart-widgets.ts").ChartWidget;
  export default donut;
}

declare module "blessed-contrib/lib/widget/charts/line.js" {
  const line: (options: object) => import("./chart-widgets.ts").ChartWidget;
  export default line;
}

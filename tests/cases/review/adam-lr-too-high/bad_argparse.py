import argparse

import torch

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--epochs", type=int, default=3)


def main():
    args = parser.parse_args()
    net = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(net.parameters(), lr=args.lr)  # <-- adam-lr-too-high
    return optimizer


if __name__ == "__main__":
    main()
